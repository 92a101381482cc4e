"""SIP, without input or output in its core (RFC 3261 and the RFCs each module names)."""
