# make write PROMPT="Getting rid of ants in the kitchen"   sets up .venv where needed, then writes a document
# make test                                   sets up .venv where needed, then runs all checks
# OPTIONS="--sections 4 --out doc.md" goes to longhand write, or to pytest.

PYTHON ?= $(or $(shell command -v python3.11),$(shell command -v python3.12),python3)

# Through the environment and unexpanded, so that quotes and dollars in a prompt stay what they are.
override PROMPT := $(value PROMPT)
export PROMPT

.PHONY: write test install

write:
	@$(PYTHON) -m longhand.setup write "$$PROMPT" $(OPTIONS)

test:
	@$(PYTHON) -m longhand.setup test $(OPTIONS)

install:
	@$(PYTHON) -m longhand.setup install
