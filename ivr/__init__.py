"""The telephony engine: SIP, RTP and the call flows."""
