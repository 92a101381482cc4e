"""`voicebox demo`: a whole voicebox on loopback, a real call, and everything that comes of it, told in the terminal.

`story` plays the acts and tells them to a `stage`; `live` and `plain` are two of those. Around them stand the parts
that a voicebox has in a company: a PBX's message lamp (`lamp`), a mail server (`letters`), people with telephones
(`handset`, which drives the independent phone in `phone`), and the service itself (`service`).

Only `phone` imports pyVoIP, which is GPL-3, and only as a process of its own.
"""
