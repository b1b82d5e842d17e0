"""What people and programs read: pure functions from records to text, tables and JSON."""
