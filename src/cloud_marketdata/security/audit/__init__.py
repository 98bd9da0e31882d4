"""The audit log: who did what, in files that show it when somebody changes them."""
