"""Telling staff: what somebody here should know soon, told to wherever they look."""
