"""From decoded events to what is appended: one lane a symbol and connection, one desk a symbol."""
