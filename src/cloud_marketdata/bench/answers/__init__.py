"""How quickly questions are answered over HTTP, next to what a web framework alone can do."""
