"""Rows: SQLAlchemy on SQLite or PostgreSQL. Nothing else imports sqlalchemy."""
