"""TLS 1.3 and nothing older: what the API shows, and whom its clients believe."""
