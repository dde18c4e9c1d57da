"""Sources, mentions, the inbox, and replies to the channels they came from."""
