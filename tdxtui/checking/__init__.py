"""What a check finds, a file for each kind of finding; `tdxtui.check` puts them together."""
