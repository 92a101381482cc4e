"""Rows and blobs: everything durable but the spool. Nobody outside imports sqlalchemy."""
