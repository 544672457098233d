"""What a server does for personal data by itself: erasing what is past its period, and traces."""
