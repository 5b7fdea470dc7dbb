# The front door of Lakeside. Each target runs `cargo xtask`, whose source is ci/xtask.
.DEFAULT_GOAL := help
.PHONY: help up down demo test check bench soak drill new-consumer

# Terraform's and Cargo's own parallelism fills the machine; two targets at a time would only fight.
.NOTPARALLEL:

XTASK = $(if $(shell command -v cargo),cargo xtask,$(error cargo is not on the PATH: install Rust 1.95 or newer with rustup))
# The first build of xtask takes a minute and shows it; later ones are quiet.
BUILT = $(if $(wildcard $(or $(CARGO_TARGET_DIR),target)/debug/xtask),,cargo build --package xtask &&)

help: ## Show this list
	@echo "Lakeside: an order and fulfilment platform, whole on this machine."
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

demo: ## Follow real orders through the local cloud, which is started if need be
	@$(BUILT) $(XTASK) demo

up: ## Build everything and start the local cloud, or bring a running one up to date
	@$(BUILT) $(XTASK) up

down: ## End the local cloud
	@$(BUILT) $(XTASK) down

test: ## Run the checks and every test, end-to-end ones on a local cloud of their own
	@$(BUILT) $(XTASK) test

check: ## Run the checks alone: formats, lints, licences, contracts, Terraform, names
	@$(BUILT) $(XTASK) check

bench: ## Measure the functions and the time from accepted to fulfilled
	@$(BUILT) $(XTASK) bench

soak: ## Run a million seeds of the simulation, in as many sittings as you like
	@$(BUILT) $(XTASK) soak

drill: ## Let a Region fail with orders in flight, and fail over to another one and back
	@$(BUILT) $(XTASK) drill

new-consumer: ## Write a consumer that is one directory: NAME=feed-shop BUS=inventory EVENT=StockLevelChanged
	@$(BUILT) $(XTASK) new-consumer $(NAME) --bus $(BUS) --event $(EVENT)
