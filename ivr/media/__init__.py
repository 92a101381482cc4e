"""The media plane: RTP, the spool, the media clock (RFC 3550, 3551, 4733)."""
