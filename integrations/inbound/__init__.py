"""What providers tell us, under /hooks/<sender>/.

base       what a sender is: a signature to check on the raw body, and a pure translation into reports
senders/   one folder for each; a new folder is all that a new provider needs, beside the variable with its secret
fields     how a translation reads what may be there, may be missing, or may be nonsense
proofs     the few checks that senders share
keywords   STOP, START and HELP, in words and in sentences
calls      keep a call, read it, read it again, forget it
views      the door itself
app        a quicker way through it, for most calls
"""
