"""For all tests, before torch is imported: its threads sleep while they wait, as under the command line."""

from longhand.cli import let_threads_sleep

let_threads_sleep()
