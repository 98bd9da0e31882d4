"""How much may be asked: by address before anybody looks at a key, and by key after it."""
