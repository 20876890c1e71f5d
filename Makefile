# SPDX-License-Identifier: Apache-2.0
# Sekimori. `make help` lists the targets; README.md tells the story.
# Order of this file: what packagers set, flags, what is built, how, checks,
# install, packages. One file, no recursion; variants get their own BUILD.

VERSION      := 0.1.0
PREFIX       ?= /usr
SYSCONFDIR   ?= /etc
SBINDIR      ?= $(PREFIX)/sbin
BINDIR       ?= $(PREFIX)/bin
LIBEXECDIR   ?= $(PREFIX)/libexec/sekimori
DATADIR      ?= $(PREFIX)/share
MANDIR       ?= $(DATADIR)/man
UNITDIR      ?= /lib/systemd/system
MULTIARCH    := $(shell $(CC) -print-multiarch 2>/dev/null)
PAMDIR       ?= $(PREFIX)/$(if $(MULTIARCH),lib/$(MULTIARCH),lib64)/security
AUTHSELECTDIR ?= $(DATADIR)/authselect/vendor/sekimori
DESTDIR      ?=
BUILD        ?= build
CC           ?= gcc
CLANG        ?= clang
BPFTOOL      ?= $(shell PATH=$$PATH:/usr/sbin command -v bpftool || echo bpftool)
PKG_CONFIG   ?= pkg-config
PYTHON       ?= python3
CFLAGS       ?= -O2 -g
T            ?= 60
SCENARIO     ?= full
V            ?= 0

ifeq ($(V),1)
Q :=
else
Q := @
endif
say = @$(if $(filter 1,$(V)),:,printf '  %-7s %s\n' $(1) $(2))

.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

# ---- flags ----------------------------------------------------------------
WARN := -Wall -Wextra -Wshadow -Wvla -Wundef -Wformat=2 -Wstrict-prototypes \
	-Wmissing-prototypes -Wcast-qual -Wpointer-arith -Wwrite-strings
WARN_PURE := -Wconversion -Wswitch-enum
FORTIFY ?= 3
HARDEN := -fstack-protector-strong -fstack-clash-protection \
	-fPIE $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
ifeq ($(SAN),1)
HARDEN += -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
LD_SAN := -fsanitize=address,undefined
else
HARDEN += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(FORTIFY)
endif
OWN := -std=gnu17 -D_GNU_SOURCE -I. -I$(BUILD) \
	-DSEKIMORI_VERSION='"$(VERSION)"' -DSEKIMORI_LIBEXEC='"$(LIBEXECDIR)"' \
	-DSEKIMORI_DATA='"$(DATADIR)/sekimori"' \
	-ffile-prefix-map=$(CURDIR)=. -fno-common $(WARN) $(HARDEN) -MD -MP
LD_OWN := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LD_SAN)

pc = $(shell $(PKG_CONFIG) $(1) $(2) 2>/dev/null)
LIBS_all := $(call pc,--libs,libcrypto) -lpthread
LIBS_daemon := $(call pc,--libs,libsystemd libbpf libzstd) -lelf -lz
LIBS_probe := $(call pc,--libs,blkid libseccomp)
LIBS_ship := $(call pc,--libs,libcurl libssl zlib libzstd libseccomp libsystemd)
LIBS_ctl := $(call pc,--libs,libsystemd libzstd)
LIBS_notify := $(call pc,--libs,libnotify gtk4)
LIBS_collector := $(call pc,--libs,libmicrohttpd gnutls sqlite3 libpq jansson zlib \
	libzstd libssl libcurl libsystemd)
# ---- what is built --------------------------------------------------------
# A folder is a library; a program is its folder's main.c and the libraries
# that DESIGN's include table lets it use.
src = $(sort $(wildcard $(1)/*.c))
obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
lib = $(addprefix $(BUILD)/lib,$(addsuffix .a,$(1)))

LIB_policy    := $(call src,policy)
LIB_base      := $(call src,agent/base)
LIB_wire      := $(call src,agent/wire)
LIB_sense     := $(call src,agent/sense)
LIB_enforce   := $(call src,agent/enforce)
LIB_spool     := $(call src,agent/spool)
LIB_daemon    := $(filter-out %/main.c,$(call src,agent/daemon))
LIB_ship      := $(filter-out %/main.c,$(call src,agent/ship))
LIB_ctl       := $(filter-out %/main.c,$(call src,agent/ctl))
LIB_probe     := $(filter-out %/main.c,$(call src,agent/probe))
LIB_collector := $(filter-out %/main.c,$(call src,collector) \
	$(call src,collector/api) $(call src,collector/web))
LIB_notify    := $(filter-out %/main.c,$(call src,agent/notify))
LIB_witness   := $(filter-out %/main.c,$(call src,collector/witness))
LIB_desk      := $(filter-out %/main.c,$(call src,collector/desk))
LIB_tool      := $(filter-out %/main.c,$(call src,policy/tool))
LIB_fakes     := $(call src,tests/fakes) tests/pam/world.c tests/pam/rows.c
LIB_terminals := $(call src,tests/bench/terminals)
LIB_pammod    := $(filter-out %/pam_sekimori.c %/places.c,$(call src,agent/pam))
ALL_LIBS := policy base wire sense enforce spool daemon ship ctl probe \
	notify collector witness desk tool fakes pammod terminals

PROG_sekimorid          := agent/daemon/main.c daemon sense enforce spool wire pammod policy base
PROG_sekimori-probe     := agent/probe/main.c probe base
PROG_sekimori-ship      := agent/ship/main.c ship spool wire base policy
PROG_sekimorictl        := agent/ctl/main.c ctl spool wire pammod policy base
PROG_sekimori-notify    := agent/notify/main.c notify policy base
PROG_sekimori-policy    := policy/tool/main.c tool policy wire base
PROG_sekimori-collector := collector/main.c collector wire policy base
PROG_sekimori-witness   := collector/witness/main.c witness collector wire policy base
PROG_sekimori-desk      := collector/desk/main.c desk tool wire policy base
PROGS := sekimorid sekimori-probe sekimori-ship sekimorictl sekimori-notify sekimori-policy \
	sekimori-collector sekimori-witness sekimori-desk
HAVE := $(foreach p,$(PROGS),$(if $(wildcard $(firstword $(PROG_$(p)))),$(p)))
LIBS_sekimorid          := $(LIBS_daemon)
LIBS_sekimori-probe     := $(LIBS_probe)
LIBS_sekimori-ship      := $(LIBS_ship)
LIBS_sekimorictl        := $(LIBS_ctl)
LIBS_sekimori-notify    := $(LIBS_notify)
LIBS_sekimori-collector := $(LIBS_collector)
LIBS_sekimori-witness   := $(LIBS_collector)
LIBS_sekimori-desk      := $(call pc,--libs,libcurl jansson)

BPF_SKELS := $(BUILD)/bpf/guard_lsm.skel.h $(BUILD)/bpf/guard_fmod.skel.h

.PHONY: all
all: $(addprefix $(BUILD)/,$(HAVE)) ## build every program

# ---- how ------------------------------------------------------------------
pure_dirs := policy agent/wire
$(BUILD)/policy/%.o: WARN_DIR := $(WARN_PURE)
$(BUILD)/policy/tool/%.o: WARN_DIR :=
$(BUILD)/agent/wire/%.o: WARN_DIR := $(WARN_PURE)
$(BUILD)/tests/%.o: WARN_DIR := -Wno-missing-prototypes -Werror=unused-function
# The skeletons trip -Wcast-qual; -isystem quiets what is not ours.
$(BUILD)/agent/enforce/%.o: WARN_DIR := -isystem $(BUILD)/bpf
# (A pattern rule without a recipe would add nothing, hence the list.)
$(call obj,$(LIB_enforce)): | $(BPF_SKELS)
# GTK's headers trip our warnings
CFLAGS_gtk := $(patsubst -I%,-isystem %,$(call pc,--cflags,libnotify gtk4))
$(BUILD)/agent/notify/%.o: WARN_DIR := $(CFLAGS_gtk) \
	-DSEKIMORI_LOCALE='"$(DATADIR)/locale"'
# libpq keeps its header in a folder of its own
CFLAGS_pq := $(call pc,--cflags,libpq)
$(BUILD)/collector/%.o: WARN_DIR := -I$(BUILD)/collector $(CFLAGS_pq)
$(BUILD)/tests/unit/collector/%.o: WARN_DIR := $(CFLAGS_pq)

$(BUILD)/%.o: %.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(OWN) $(WARN_DIR) $(CFLAGS) $(EXTRA) -c -o $@ $<

define lib_rule
$(BUILD)/lib$(1).a: $(call obj,$(LIB_$(1)))
	$$(call say,AR,$$@)
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && ar rcsD $$@ $$^
endef
$(foreach l,$(ALL_LIBS),$(eval $(call lib_rule,$(l))))

define prog_rule
$(BUILD)/$(1): $(call obj,$(firstword $(PROG_$(1)))) \
		$(call lib,$(wordlist 2,99,$(PROG_$(1))))
	$$(call say,LINK,$$@)
	$$(Q)$(CC) $(LD_OWN) $(LDFLAGS) -o $$@ $$< -Wl,--start-group \
		$$(filter %.a,$$^) -Wl,--end-group $(LIBS_$(1)) $(LIBS_all)
endef
$(foreach p,$(PROGS),$(eval $(call prog_rule,$(p))))

# PAM module: its own objects, position-independent and hidden. The test twin
# differs in places.c alone; the factor modules it wraps are one source.
PIC = $(patsubst %.c,$(BUILD)/pic/%.o,$(1))
PAM_SRC := $(filter-out agent/pam/lint%.c,$(call src,agent/pam)) \
	policy/mfa.c policy/mfa_login.c policy/mfa_text.c \
	policy/login_switch.c \
	agent/base/fd.c agent/base/clock.c agent/base/hex.c agent/base/proc.c \
	agent/base/group.c
PAM_FAKES := $(patsubst %,$(BUILD)/tests/pam/%.so,pam_unix pam_u2f pam_oath \
	pam_google_authenticator pam_pkcs11 pam_fprintd pam_other)
PAM_TEST := $(BUILD)/tests/pam/pam_sekimori.so $(PAM_FAKES)
all: $(BUILD)/pam_sekimori.so
$(BUILD)/pic/%.o: %.c Makefile
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(OWN) $(CFLAGS) $(EXTRA) -fPIC \
		-fvisibility=hidden -c -o $@ $<
$(BUILD)/pam_sekimori.so: $(call PIC,$(PAM_SRC))
$(BUILD)/tests/pam/pam_sekimori.so: \
	$(call PIC,$(filter-out agent/pam/places.c,$(PAM_SRC)) tests/pam/places.c)
$(BUILD)/pam_sekimori.so $(BUILD)/tests/pam/pam_sekimori.so: agent/pam/pam_sekimori.map
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -shared $(filter-out -pie,$(LD_OWN)) $(LDFLAGS) -o $@ \
		$(filter %.o,$^) -Wl,--version-script=agent/pam/pam_sekimori.map \
		$(if $(filter 1,$(SAN)),,-Wl,-z,defs) -lpam
$(PAM_FAKES): $(call PIC,tests/pam/factor.c)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -shared $(filter-out -pie,$(LD_OWN)) -o $@ $< -lpam

# The collector's output to Kafka: a module of a package of its own, built where
# librdkafka is. It brings its own copy of the few functions that it calls.
HAVE_KAFKA := $(shell $(PKG_CONFIG) --exists rdkafka 2>/dev/null && echo 1)
KAFKA_SRC := $(call src,collector/kafka) collector/output_batch.c \
	collector/output_sink.c agent/base/buf.c agent/base/clock.c \
	agent/base/fd.c agent/base/log.c
KAFKA := $(if $(HAVE_KAFKA),$(BUILD)/output_kafka.so)
KAFKA_MOCK := $(if $(HAVE_KAFKA),$(BUILD)/tests/kafka/mock)
all: $(KAFKA)
$(BUILD)/output_kafka.so: $(call PIC,$(KAFKA_SRC)) collector/kafka/output_kafka.map
	$(call say,LINK,$@)
	$(Q)$(CC) -shared $(filter-out -pie,$(LD_OWN)) $(LDFLAGS) -o $@ \
		$(filter %.o,$^) -Wl,--version-script=collector/kafka/output_kafka.map \
		$(if $(filter 1,$(SAN)),,-Wl,-z,defs) $(call pc,--libs,rdkafka)
$(BUILD)/tests/kafka/mock: $(BUILD)/tests/kafka/mock.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LD_OWN) $(LDFLAGS) -o $@ $< $(call pc,--libs,rdkafka)

# Kernel half: one source, two attach types. -target bpf lacks the system
# include path, so ask the compiler for it.
BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m)))
BPF_SYS = $(shell $(CLANG) -v -E - </dev/null 2>&1 | \
	sed -n '/<...> search starts here:/,/End of search list/{s|^ \(/.*\)|-idirafter \1|p}')
$(BUILD)/bpf/guard_fmod.bpf.o: BPF_DEF := -DSEKIMORI_FMOD
$(BUILD)/bpf/guard_%.bpf.o: agent/bpf/guard.bpf.c $(wildcard agent/bpf/*.h) Makefile
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -O2 -g -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra \
		-Wno-unused-parameter \
		-ffile-prefix-map=$(CURDIR)=. -fdebug-prefix-map=$(CURDIR)=. \
		-fdebug-compilation-dir=. \
		$(BPF_DEF) -I. $(BPF_SYS) -c -o $@ $<
	$(Q)llvm-strip -g $@
$(BUILD)/bpf/guard_%.skel.h: $(BUILD)/bpf/guard_%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name guard_$* >$@

# Translations of the desktop part; GTK's own come by the same way.
PO := $(sort $(wildcard agent/notify/*.po))
MO := $(patsubst agent/notify/%.po,$(BUILD)/locale/%/LC_MESSAGES/sekimori-notify.mo,$(PO))
all: $(MO)
$(BUILD)/locale/%/LC_MESSAGES/sekimori-notify.mo: agent/notify/%.po
	$(call say,MSGFMT,$<)
	@mkdir -p $(@D)
	$(Q)msgfmt --check-format -o $@ $<

# Files embedded in the collector: collector/web/static/* as one C table.
WEB_STATIC := $(sort $(wildcard collector/web/static/*))
$(BUILD)/collector/web_static.inc: collector/web/embed.py $(WEB_STATIC)
	@mkdir -p $(@D)
	$(Q)$(PYTHON) $< $(WEB_STATIC) >$@
$(BUILD)/collector/web/static.o: $(BUILD)/collector/web_static.inc

-include $(shell [ -d $(BUILD) ] && find $(BUILD) -path $(BUILD)/deb -prune -o -type f -name '*.d' -print)

# ---- tests ----------------------------------------------------------------
UNIT_SRC := $(sort $(shell find tests/unit -name 'test_*.c' 2>/dev/null))
UNIT := $(patsubst %.c,$(BUILD)/%,$(UNIT_SRC))
TEST_COMMON := policy base wire spool sense enforce fakes pammod
TEST_LIBS = $(LIBS_daemon) $(LIBS_probe) $(LIBS_ship) $(LIBS_collector) \
	$(LIBS_all) -lcmocka -lutil -lpam
test_own = $(filter daemon ship ctl notify probe collector tool,$(1))
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o \
		$(call lib,$(ALL_LIBS))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LD_OWN) $(LDFLAGS) -o $@ $< -Wl,--start-group \
		$(call lib,$(TEST_COMMON) $(call test_own,$(firstword $(subst /, ,$*)))) \
		-Wl,--end-group $(TEST_LIBS)

$(filter $(BUILD)/tests/unit/pam/%,$(UNIT)) $(BUILD)/tests/bench/bench_pam: | $(PAM_TEST)

FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_REPLAY := $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/tests/fuzz/replay_%,$(FUZZ_SRC))
$(BUILD)/tests/fuzz/replay_%: $(BUILD)/tests/fuzz/fuzz_%.o \
		$(BUILD)/tests/fuzz/replay_main.o $(call lib,$(ALL_LIBS))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LD_OWN) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group \
		$(call lib,$(TEST_COMMON) collector ship notify daemon) \
		-Wl,--end-group $(TEST_LIBS)

BENCH_SRC := $(sort $(wildcard tests/bench/bench_*.c))
BENCH := $(patsubst %.c,$(BUILD)/%,$(BENCH_SRC)) $(BUILD)/tests/bench/load
$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(call lib,$(ALL_LIBS))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LD_OWN) $(LDFLAGS) -o $@ $< -Wl,--start-group \
		$(call lib,$(TEST_COMMON) $(if $(filter bench_files,$*),daemon,terminals collector)) \
		-Wl,--end-group $(TEST_LIBS)

# Small programs that cases in tests/e2e run inside the guest.
TOOLS_SRC := $(sort $(wildcard tests/e2e/tools/*.c))
TOOLS := $(patsubst %.c,$(BUILD)/%,$(TOOLS_SRC))
$(BUILD)/tests/e2e/tools/%: $(BUILD)/tests/e2e/tools/%.o \
		$(call lib,$(TEST_COMMON))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LD_OWN) $(LDFLAGS) -o $@ $< -Wl,--start-group \
		$(filter %.a,$^) -Wl,--end-group $(LIBS_daemon) $(LIBS_all) -lpam
$(BUILD)/tests/e2e/guest-agent: tests/e2e/guest-agent.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -O2 -static $(WARN) -o $@ $<

# Preloaded by tests: a program whose wall clock is SEKIMORI_CLOCK_S off.
WRONG_CLOCK := $(BUILD)/tests/unit/collector/wrong_clock.so
$(WRONG_CLOCK): tests/unit/collector/wrong_clock.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -O2 -fPIC -shared $(WARN) -o $@ $<

.PHONY: unit check check-san e2e test soak bench lint format format-check fuzz-list
unit: $(UNIT) ## build and run the unit tests
	$(Q)$(PYTHON) tests/run_checks.py --build $(BUILD) --only unit

check: all $(UNIT) $(FUZZ_REPLAY) $(TOOLS) $(WRONG_CLOCK) $(KAFKA_MOCK) $(BUILD)/tests/bench/load $(BUILD)/tests/lint/impure.o ## unit tests, lint, seeds, man pages: no root, no network
	$(Q)$(PYTHON) tests/run_checks.py --build $(BUILD)

check-san: ## the unit tests and seeds again under ASan and UBSan
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)-san SAN=1 CFLAGS='-O1 -g' san-run
.PHONY: san-run
san-run: all $(UNIT) $(FUZZ_REPLAY) $(TOOLS) $(WRONG_CLOCK) $(KAFKA_MOCK) $(BUILD)/tests/bench/load
	$(Q)$(PYTHON) tests/run_checks.py --build $(BUILD) --only unit,python,fuzz --name check-san

e2e: deb $(TOOLS) $(BUILD)/tests/e2e/guest-agent ## the packages in a real terminal (VM)
	$(Q)$(PYTHON) tests/e2e/run.py --build $(BUILD) $(E2E)

# Only what has a shorter one in `make test`.
soak: all $(BUILD)/tests/bench/load $(TOOLS) $(WRONG_CLOCK) ## the long versions: three weeks of 1,000 terminals, 50 kills, 20 power cuts, 200 plugs in a row
	$(Q)BUILD=$(BUILD) SEKIMORI_BACKLOG=1000x4200 $(PYTHON) \
		tests/unit/collector/test_backlog.py
	$(Q)BUILD=$(BUILD) SEKIMORI_KILLS=50 $(PYTHON) \
		tests/unit/collector/test_delivery.py \
		kills_of_writer_shipper_and_collector_in_turn
	$(Q)SEKIMORI_CYCLES=200 SEKIMORI_CUTS=20 SEKIMORI_KILLS=50 \
		$(MAKE) --no-print-directory e2e \
		E2E="--only '28_plug_cycles|61_evidence' --workers 1"

test: ## everything there is, from a fresh Debian 12 (root)
	$(Q)pkg/setup.sh test
	$(Q)$(PYTHON) tests/run_all.py --build $(BUILD)

try: ## collector, terminal, stick, block, dashboard (SCENARIO=quick: five minutes)
	$(Q)pkg/setup.sh try
	$(Q)$(MAKE) --no-print-directory deb $(BUILD)/tests/e2e/guest-agent \
		$(BUILD)/tests/e2e/tools/fido_key
	$(Q)$(PYTHON) tests/e2e/try.py --build $(BUILD) --scenario $(SCENARIO)
.PHONY: try

bench: all deb $(BENCH) $(TOOLS) $(BUILD)/tests/e2e/guest-agent ## figures, one line each: name value unit
	$(Q)$(PYTHON) tests/bench/run.py --build $(BUILD) $(BENCH_ARGS)

FUZZ_FLAGS := -g -O1 -fsanitize=fuzzer,address,undefined -std=gnu17 -D_GNU_SOURCE \
	-I. -I$(BUILD) -w -DSEKIMORI_VERSION='"$(VERSION)"' \
	-DSEKIMORI_LIBEXEC='"$(LIBEXECDIR)"' -DSEKIMORI_DATA='"$(DATADIR)/sekimori"' \
	-DSEKIMORI_LOCALE='"$(DATADIR)/locale"'
FUZZ_LIBSRC := $(LIB_policy) $(LIB_base) $(LIB_wire) $(LIB_spool) \
	agent/pam/line.c agent/pam/lint_stack.c agent/pam/lint_path.c \
	agent/ship/inbox.c $(addprefix agent/notify/,notice.c board.c scope.c text.c) \
	agent/daemon/console.c $(LIB_sense)
# What one of them needs beside the pure libraries.
FUZZ_MORE_output_body := collector/event.c $(addprefix collector/output_,\
	body.c cef.c ecs.c raw.c text.c) -ljansson
fuzz-%: tests/fuzz/fuzz_%.c ## fuzz one parser for T seconds (default 60)
	@mkdir -p $(BUILD)/fuzz/corpus-$*
	$(Q)$(CLANG) $(FUZZ_FLAGS) -o $(BUILD)/fuzz/fuzz_$* $< $(FUZZ_LIBSRC) $(FUZZ_MORE_$*) -lcrypto -lz -lzstd -lpthread -lsystemd
	$(Q)$(BUILD)/fuzz/fuzz_$* -max_total_time=$(T) -timeout=10 -rss_limit_mb=2048 \
		$(if $(wildcard tests/fuzz/$*.dict),-dict=tests/fuzz/$*.dict) \
		-artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/corpus-$* \
		$(wildcard tests/fuzz/seeds/$*)
fuzz-list:
	@printf '%s\n' $(patsubst tests/fuzz/fuzz_%.c,fuzz-%,$(FUZZ_SRC))

C_FILES = $(shell git ls-files '*.c' '*.h')
format: ## clang-format in place
	$(Q)clang-format -i $(C_FILES)
format-check:
	$(Q)clang-format --dry-run -Werror $(C_FILES)
# Every tool runs and shows everything; the exit status is that of all of them.
# clang-tidy 14 counts warnings of system headers aloud unless carets are off.
# cppcheck does not know __attribute__((cleanup)): leaks are check-san's.
LINT_C = $(filter-out tests/% agent/bpf/%,$(filter %.c,$(C_FILES)))
lint: all ## clang-tidy, cppcheck, shellcheck
	$(Q)status=0; \
	cppcheck -j2 --quiet --std=c11 --enable=warning,portability,performance \
		--inline-suppr --error-exitcode=1 -I. --suppress=missingInclude \
		--suppress=memleak --suppress=resourceLeak \
		--suppress='*:/usr/*' policy agent/base agent/wire \
		agent/spool agent/sense agent/enforce agent/probe \
		agent/daemon agent/ship agent/ctl agent/notify agent/pam collector || status=1; \
	shellcheck $(shell git ls-files '*.sh') || status=1; \
	printf '%s\n' $(LINT_C) | xargs -P2 -I{} clang-tidy --quiet {} -- \
		$(filter-out -MD -MP -f%,$(OWN)) -fno-caret-diagnostics \
		-isystem $(BUILD)/bpf -I$(BUILD)/collector $(CFLAGS_gtk) \
		-DSEKIMORI_LOCALE='""' || status=1; \
	exit $$status

# The sample that tests/lint/purity.py must reject.
$(BUILD)/tests/lint/impure.o: tests/lint/samples/impure.c
	@mkdir -p $(@D)
	$(Q)$(CC) -c -o $@ $<

# ---- install --------------------------------------------------------------
.PHONY: install install-agent install-notify install-authselect \
	install-collector install-collector-kafka install-tools
PAM_PROFILES := $(wildcard pkg/pam/sekimori-*)
install: install-agent install-notify install-collector install-tools \
	$(if $(HAVE_KAFKA),install-collector-kafka) ## honours DESTDIR
inst = install -D -m $(1) $(2) $(DESTDIR)$(3)
install-agent: all
	$(Q)$(call inst,755,$(BUILD)/sekimorid,$(SBINDIR)/sekimorid)
	$(Q)$(call inst,755,$(BUILD)/sekimori-probe,$(LIBEXECDIR)/sekimori-probe)
	$(Q)$(call inst,755,$(BUILD)/sekimori-ship,$(SBINDIR)/sekimori-ship)
	$(Q)$(call inst,755,$(BUILD)/sekimorictl,$(BINDIR)/sekimorictl)
	$(Q)$(call inst,644,pkg/systemd/sekimorid.service,$(UNITDIR)/sekimorid.service)
	$(Q)$(call inst,644,pkg/systemd/sekimori-ship.service,$(UNITDIR)/sekimori-ship.service)
	$(Q)$(call inst,644,pkg/systemd/systemd-rfkill.socket.conf,$(UNITDIR)/systemd-rfkill.socket.d/sekimori.conf)
	$(Q)$(call inst,644,pkg/sysusers/sekimori-agent.conf,$(PREFIX)/lib/sysusers.d/sekimori-agent.conf)
	$(Q)$(call inst,644,pkg/tmpfiles/sekimori-agent.conf,$(PREFIX)/lib/tmpfiles.d/sekimori-agent.conf)
	$(Q)$(call inst,644,pkg/dbus/jp.sekimori.Agent1.conf,$(DATADIR)/dbus-1/system.d/jp.sekimori.Agent1.conf)
	$(Q)$(call inst,644,pkg/dbus/jp.sekimori.Agent1.xml,$(DATADIR)/dbus-1/interfaces/jp.sekimori.Agent1.xml)
	$(Q)$(call inst,644,pkg/polkit/jp.sekimori.agent.policy,$(DATADIR)/polkit-1/actions/jp.sekimori.agent.policy)
	$(Q)$(call inst,644,pkg/polkit/50-sekimori.rules,$(DATADIR)/polkit-1/rules.d/50-sekimori.rules)
	$(Q)$(call inst,644,pkg/udev/60-cdrom_sekimori.rules,$(PREFIX)/lib/udev/rules.d/60-cdrom_sekimori.rules)
	$(Q)$(call inst,644,pkg/completions/sekimorictl,$(DATADIR)/bash-completion/completions/sekimorictl)
	$(Q)$(call inst,644,pkg/agent.conf,$(SYSCONFDIR)/sekimori/agent.conf)
	$(Q)for f in policy/rules.d/*/*.rules; do \
		install -D -m 644 $$f $(DESTDIR)$(DATADIR)/sekimori/$${f#policy/} || exit 1; done
	$(Q)for f in policy/rules.d/standard/*.rules; do \
		install -D -m 640 $$f $(DESTDIR)$(SYSCONFDIR)/sekimori/rules.d/$${f##*/} || exit 1; done
	$(Q)$(call inst,644,$(BUILD)/pam_sekimori.so,$(PAMDIR)/pam_sekimori.so)
	$(Q)for f in $(PAM_PROFILES); do \
		install -D -m 644 $$f $(DESTDIR)$(DATADIR)/pam-configs/$${f##*/} || exit 1; done
	$(Q)for s in 1 5 7 8; do for f in $(filter-out %collector.8 %witness.8 %collector.conf.5 %policy.1 %notify.1 %desk.1,$(wildcard pkg/man/*.[1578])); do \
		case $$f in *.$$s) install -D -m 644 $$f $(DESTDIR)$(MANDIR)/man$$s/$${f##*/} || exit 1;; esac; done; done
# Where PAM is put together by authselect (rpm): instead of pam-configs.
install-authselect:
	$(Q)for f in $(wildcard pkg/pam/authselect/*); do \
		install -D -m 644 $$f $(DESTDIR)$(AUTHSELECTDIR)/$${f##*/} || exit 1; done
# Apart from the agent: a terminal without a desktop needs no GTK.
install-notify: all
	$(Q)$(call inst,755,$(BUILD)/sekimori-notify,$(BINDIR)/sekimori-notify)
	$(Q)$(call inst,644,pkg/desktop/sekimori-notify.desktop,$(SYSCONFDIR)/xdg/autostart/sekimori-notify.desktop)
	$(Q)$(call inst,644,pkg/desktop/sekimori-request.desktop,$(DATADIR)/applications/sekimori-request.desktop)
	$(Q)$(call inst,644,pkg/man/sekimori-notify.1,$(MANDIR)/man1/sekimori-notify.1)
	$(Q)for f in $(MO); do \
		install -D -m 644 $$f $(DESTDIR)$(DATADIR)/$${f#$(BUILD)/} || exit 1; done
install-tools: all
	$(Q)$(call inst,755,$(BUILD)/sekimori-policy,$(BINDIR)/sekimori-policy)
	$(Q)$(call inst,644,pkg/man/sekimori-policy.1,$(MANDIR)/man1/sekimori-policy.1)
	$(Q)$(call inst,755,$(BUILD)/sekimori-desk,$(BINDIR)/sekimori-desk)
	$(Q)$(call inst,644,pkg/man/sekimori-desk.1,$(MANDIR)/man1/sekimori-desk.1)
install-collector: all
	$(Q)$(call inst,755,$(BUILD)/sekimori-collector,$(SBINDIR)/sekimori-collector)
	$(Q)$(call inst,755,$(BUILD)/sekimori-witness,$(SBINDIR)/sekimori-witness)
	$(Q)$(call inst,644,pkg/man/sekimori-witness.8,$(MANDIR)/man8/sekimori-witness.8)
	$(Q)$(call inst,644,pkg/systemd/sekimori-collector.service,$(UNITDIR)/sekimori-collector.service)
	$(Q)$(call inst,644,pkg/sysusers/sekimori-collector.conf,$(PREFIX)/lib/sysusers.d/sekimori-collector.conf)
	$(Q)$(call inst,644,pkg/tmpfiles/sekimori-collector.conf,$(PREFIX)/lib/tmpfiles.d/sekimori-collector.conf)
	$(Q)$(call inst,644,pkg/collector.conf,$(SYSCONFDIR)/sekimori/collector.conf)
	$(Q)$(call inst,644,pkg/opensearch/sekimori.json,$(DATADIR)/sekimori/opensearch/sekimori.json)
	$(Q)$(call inst,644,pkg/man/sekimori-collector.8,$(MANDIR)/man8/sekimori-collector.8)
	$(Q)$(call inst,644,pkg/man/sekimori-collector.conf.5,$(MANDIR)/man5/sekimori-collector.conf.5)

install-collector-kafka: $(BUILD)/output_kafka.so
	$(Q)$(call inst,644,$(BUILD)/output_kafka.so,$(LIBEXECDIR)/output_kafka.so)

# ---- packages -------------------------------------------------------------
.PHONY: deb clean help
deb: all ## the Debian packages, in build/deb
	$(Q)pkg/deb/build.sh $(BUILD) $(VERSION)

clean: ## remove what was built
	rm -rf build build-san

help: ## this list
	@grep -hE '^[a-z0-9%-]+:.*## ' $(MAKEFILE_LIST) | sort | \
		awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'
