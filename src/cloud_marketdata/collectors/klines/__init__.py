"""The venues' own bars by REST, against which ours are held."""
