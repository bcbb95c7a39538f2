"""`python -m reel_driver.cli`."""

from reel_driver.cli import main

main()
