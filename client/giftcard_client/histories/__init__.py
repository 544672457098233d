"""Records histories of calls, and checks that some order of the calls is what the rules allow."""
