"""The database behind galleries: connections, schema, rows as bytes, plain errors."""
