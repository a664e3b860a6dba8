"""Telling others what happens here: events as they are recorded, to each destination somebody set up.

base        the port: what a kind of destination is
kinds/      one file for each; a new file is all that a new kind needs
notices     what may be told of an event, and what it looks like
following   the log's events become deliveries, set by set
delivering  what is due is told, as long as something is
parcels     deliveries are claimed, and made into what a call tells
noting      what came of an attempt, and how its destination is
managing    what people do: set up, change, rotate, switch, try, tell again
queries     what the pages show
"""
