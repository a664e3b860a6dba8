"""The REST API of the programme: shoppers under me/, tills under till/, and how each of them shows who they are."""
