"""The write side's front door: any SDK's request becomes neutral events, and is answered when they are durable.

app        the ASGI application in front of Django's: routes, keys, limits, answers
bodies     bytes to JSON, and what can be saved of bytes that are none
dialects/  one file for each family of SDKs: its paths, and a pure translation
arrivals   neutral events to rows: clocks, sizes, structures
catalogue  keys, systems and structures, in memory and refreshed the moment they change
commit     one COPY for all requests that wait
spool      a local file that stands in while PostgreSQL is away
rates      how much a key may send
"""
