# make              both programs, into build/
# make help         this list
# make check        all tests; SAN=address,undefined: under sanitizers, in build-san/;
#                   SAN=thread: in build-tsan/
# make check-unit   the same without the tests of many minutes
# make check-api    the API against its description: 20,000 requests of three owners, under faults
# make check-platform SUITE=trixie ARGS=  the demo, the suite and the package on a bare Debian,
#                   in a root of its own (needs root and debootstrap)
# make check-arm64  units, corpora, oracle and equal bytes for arm64, under qemu (needs root)
# make check-s3     exports, links, refusals on versitygw and MinIO, built by go
# make check-readers READERS=newest  the calls of docs/API.md in the newest pandas, polars and
#                   DuckDB, Parquet in parquet-java, too; READERS=oldest: in the oldest of these
# make check-deb    the package on real servers, in a root of its own (needs root): installed,
#                   used, upgraded in the middle of a job, removed
# make check-memory what a worker holds, for 5 to 1,000 parameters
# make bench        how fast it is, as ratios; LONG=1: a year, too
# make bench-api    what the HTTP interface costs
# make bench-split  what a large job gains when several workers make it
# make bench-distance  what it costs that MongoDB or S3 is far away
# make bench-vehicles  how an export grows with the number of vehicles
# make profile      where the time goes
# make chaos        random faults on clusters; SEED= MINUTES=10 or FAULTS=
# make chaos-hosts  the same of partitions, on hosts of their own (needs root)
# make fuzz         CC=clang SECONDS=60 SEED= (drawn, printed); needs clang, libclang-rt-14-dev
# make install      DESTDIR= PREFIX=; make uninstall: the same
# make deb          a Debian package, into build/deb/; VERSION=
# make compile_commands.json      for editors and clang's tools
# make format-report              where clang-format would lay out differently; no gate
# make clean
# CRASH=1: a build with crash points (lib/base/crash.h), into build-crash/; only for tests

B      = build$(if $(SAN),-$(if $(findstring thread,$(SAN)),t)san)$(if $(CRASH),-crash)
PREFIX = /usr/local
CFLAGS ?= -O2 -g

# libmongoc 2 has another name.
MONGOC  := $(shell pkg-config --exists libmongoc-1.0 2>/dev/null && \
	echo libmongoc-1.0 || echo mongoc2)
PKGS     = $(MONGOC) librabbitmq json-c libcurl libssl libcrypto zlib libisal libzstd expat
PKG_ANY := $(shell pkg-config --exists $(PKGS) 2>/dev/null && echo yes)
# Evaluated once: pkg-config would run for each object otherwise.
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
FLAGS := -std=c11 -D_GNU_SOURCE -I. -Wall -Wextra -Wshadow -Wvla -Wformat=2 \
	-Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes \
	-Werror=incompatible-pointer-types -Werror=implicit-function-declaration \
	-fPIE -fstack-protector-strong $(if $(SAN),,-D_FORTIFY_SOURCE=2) \
	$(if $(CRASH),-DCRASH_POINTS) $(if $(CI),-Werror -Wno-error=deprecated-declarations) \
	$(PKG_CFLAGS) $(CFLAGS) \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
LINK := -pie -Wl,-z,relro,-z,now $(if $(SAN),-fsanitize=$(SAN))
LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread -lm

LIB = $(addprefix lib/base/,backoff.o baseurl.o buf.o clock.o conf.o crash.o digest.o \
		disposition.o duration.o jsonstrict.o log.o names.o nameset.o num.o patience.o \
		process.o program.o ticker.o timestamp.o trim.o tzif.o tzrule.o utf8.o zone.o \
		zonefile.o) \
	$(addprefix lib/servers/,amqp.o credential.o credential_endpoint.o \
		credential_file.o credential_http.o credential_source.o \
		credentials.o failure.o mongo.o queue.o rights.o s3.o s3_exchange.o s3probe.o \
		s3xml.o selfcheck.o sigv4.o trials.o) \
	$(addprefix lib/jobs/,catalogue.o catalogue_estimate.o catalogue_upkeep.o expected.o \
		fields.o job.o joblist.o jobs.o leftovers.o metrics.o owners.o parameters.o \
		rates.o records.o scope.o spec.o task.o tasks.o totals.o transition.o unit.o \
		units.o usage.o workers.o)
INPUT = $(addprefix fcgi/,audit.o etag.o jobjson.o query.o request.o spec.o traceparent.o)
API = $(addprefix fcgi/,main.o create.o doorbell.o export.o health.o limits.o metrics.o \
	ownerwatch.o reply.o vehicles.o watch.o) \
	$(INPUT)
ENGINE = $(addprefix worker/engine/,archive.o carry.o exact.o feeder.o piece.o pipeline.o pool.o \
	slice.o) \
	$(addprefix worker/engine/decode/,celltext.o cut.o document.o fastread.o leaftext.o \
		number.o numtext.o points.o unwind.o) \
	$(addprefix worker/engine/rows/,bins.o columns.o csv.o exactsum.o fastrows.o grid.o \
		gridrows.o gridsettle.o merge.o periods.o timetext.o) \
	$(addprefix worker/engine/parquet/,chunk.o encode.o file.o footer.o group.o page.o rows.o \
		thrift.o timeset.o) \
	$(addprefix worker/engine/deflate/,blocks.o deflate.o huffman.o textdeflate.o) \
	$(addprefix worker/engine/archive/,csvfile.o facts.o fragment.o idtext.o jsontext.o \
		manifest.o packed.o preview.o preview_facts.o preview_rows.o zip.o)
READER = $(addprefix worker/,ahead.o ahead_window.o fetch.o gather.o odd.o pace.o reader.o store.o \
	telemetry.o windows.o)
WORKER = $(addprefix worker/,main.o assemble.o attempt.o catalogue_refresh.o ending.o export.o \
	fragment.o keys.o lease.o readahead.o removal.o reporter.o spans.o split.o \
	sweeper.o transfer.o unit.o upload.o) \
	$(READER) \
	$(ENGINE)
UNIT = ahead backoff baseurl bins blocks buf carry columns conf credential csv csvfile \
	disposition duration ending etag exact exactsum expected failure fastread feeder \
	fragment gather grid job jsonstrict life log manifest merge metrics nameset num number \
	numtext pace parameters parquet patience periods piece pool preview query s3xml scope \
	sigv4 slice spans spec split textdeflate ticker timestamp totals traceparent unwind \
	upload utf8 watch windows zip zone
FUZZ = conf credential csv facts job jsonstrict numtext parquet request s3xml spec \
	timestamp tzif unwind zip
TOOLS = 4000-tls bench claims constant engine insert life-mongo model relay zones
OBJECTS = $(addprefix $(B)/,$(API) $(WORKER) $(LIB) $(TOOLS:%=t/tools/%.o) $(UNIT:%=t/unit/%.o) \
	$(FUZZ:%=t/fuzz/%.o) t/fuzz/replay.o)

all: $(B)/export-api $(B)/export-worker

ifneq ($(PKG_ANY),yes)
$(info make: some libraries are missing; scripts/deps installs them)
endif

$(B)/export-api: $(addprefix $(B)/,$(API) $(LIB))
	$(CC) $(LINK) -o $@ $^ -lfcgi $(LIBS)
$(B)/export-worker: $(addprefix $(B)/,$(WORKER) $(LIB))
	$(CC) $(LINK) -o $@ $^ $(LIBS)
$(B)/t/engine: $(addprefix $(B)/,t/tools/engine.o $(ENGINE) $(LIB))
	$(CC) $(LINK) -o $@ $^ $(LIBS)
$(B)/t/zones: $(addprefix $(B)/,t/tools/zones.o $(ENGINE) $(LIB))
	$(CC) $(LINK) -o $@ $^ $(LIBS)
$(B)/t/bench: $(addprefix $(B)/,t/tools/bench.o $(READER) $(ENGINE) $(LIB))
	$(CC) $(LINK) -o $@ $^ $(LIBS)
$(B)/t/constant: $(B)/t/tools/constant.o
	$(CC) $(LINK) -o $@ $^ -lfcgi
$(B)/t/relay: $(B)/t/tools/relay.o
	$(CC) $(LINK) -o $@ $^
$(B)/t/insert: $(B)/t/tools/insert.o
	$(CC) $(LINK) -o $@ $^ $(LIBS)
$(B)/t/4000-tls: $(addprefix $(B)/,t/tools/4000-tls.o $(LIB))
	$(CC) $(LINK) -o $@ $^ $(LIBS)
$(B)/t/life-mongo: $(addprefix $(B)/,t/tools/life-mongo.o t/tools/model.o $(LIB))
	$(CC) $(LINK) -o $@ $^ $(LIBS)
$(B)/t/claims: $(addprefix $(B)/,t/tools/claims.o $(LIB))
	$(CC) $(LINK) -o $@ $^ $(LIBS)
$(B)/t/%.t: $(B)/t/unit/%.o $(addprefix $(B)/,$(filter-out %/main.o,$(API) $(WORKER)) $(LIB))
	$(CC) $(LINK) -o $@ $^ -lfcgi $(LIBS)
$(B)/t/life.t: $(B)/t/tools/model.o
$(B)/t/replay-%: $(B)/t/fuzz/%.o $(B)/t/fuzz/replay.o \
    $(addprefix $(B)/,$(INPUT) $(ENGINE) $(LIB))
	$(CC) $(LINK) -o $@ $^ -lfcgi $(LIBS)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -MMD -MP -c -o $@ $<

# t/testrules.yml says what runs side by side.
check: all $(B)/t/engine $(B)/t/relay $(B)/t/4000-tls $(B)/t/claims $(B)/t/life-mongo \
    $(B)/t/zones $(UNIT:%=$(B)/t/%.t) $(FUZZ:%=$(B)/t/replay-%)
	@scripts/deps --check
	$(MAKE) SAN= CRASH=1
	MAKEFLAGS= B=$(B) prove -f $(if $(V),-v) --timer -j4 -e '' $(UNIT:%=$(B)/t/%.t) \
	    t/[0-9]*.t

# The same under sanitizers, without the tests of many minutes.
check-unit: export TSAN_OPTIONS = allocator_may_return_null=1
check-unit: $(B)/t/engine $(B)/t/zones $(UNIT:%=$(B)/t/%.t) $(FUZZ:%=$(B)/t/replay-%)
	B=$(B) prove -f $(if $(V),-v) -j2 -e '' $(UNIT:%=$(B)/t/%.t) t/0[0-9]*.t

# The API against its description at length: REQUESTS=20000, SEED=, FAULTS=no
check-api: all
	t/check-api

# Other S3 servers: t/check-s3 --help
check-s3: all
	t/check-s3 $(ARGS)

# t/check-platform --help
check-platform:
	t/check-platform --suite $(or $(SUITE),trixie) $(ARGS)

# t/check-arm64 --help
check-arm64:
	t/check-arm64 --suite $(or $(SUITE),bookworm)

# The worker's memory, for each number of parameters; the suite has three of them.
# READERS=pinned: as t/3310-readers.t does
check-readers: $(B)/t/engine
	READERS=$(or $(READERS),newest) t/readers.py

check-memory: all
	MEMORY_FULL=1 prove -v -e '' t/3250-memory-wide.t

# The package at length; the suite has the short form.
check-deb:
	DEB_FULL=1 prove -v -e '' t/5200-deb.t

# Faults at length, on clusters: SEED= (drawn when not given) MINUTES= (10) FAULTS= (their number)
CHAOS = t/chaos/chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) \
	$(if $(FAULTS),--faults $(FAULTS))
chaos: all
	$(CHAOS)
chaos-hosts: all
	$(CHAOS) --hosts

# How fast it is, as ratios. LONG=1: a year, too.
bench: all $(B)/t/bench $(B)/t/engine
	t/bench/bench --markdown

# What the HTTP interface costs, as ratios.
bench-api: all $(B)/t/constant $(B)/t/insert
	t/bench/bench-api

# What a large job gains when several workers make it, as ratios.
bench-split: all
	t/bench/bench-split

# What distance costs, as ratios.
bench-distance: all $(B)/t/relay
	t/bench/bench-distance --markdown

# How an export grows with the number of vehicles, up to 100,000.
bench-vehicles: all
	t/bench/bench-vehicles --markdown

# Where the time goes, on one core, from memory.
profile: $(B)/t/engine
	scripts/dev/profile

SECONDS = 60
fuzz:
	@mkdir -p build-fuzz
	for f in $(FUZZ); do \
		$(CC) $(FLAGS) -fsanitize=fuzzer,address,undefined \
		    -fno-sanitize-recover=all -o build-fuzz/$$f \
		    t/fuzz/$$f.c $(INPUT:.o=.c) $(ENGINE:.o=.c) $(LIB:.o=.c) -lfcgi $(LIBS) && \
		mkdir -p build-fuzz/corpus-$$f && \
		build-fuzz/$$f -max_total_time=$(SECONDS) $(if $(SEED),-seed=$(SEED)) \
		    build-fuzz/corpus-$$f t/corpus/$$f || exit 1; \
	done

SHARE = $(DESTDIR)$(PREFIX)/share
OURS  = $(SHARE)/telemetry-export
# Where a file names the prefix, or a file next to it in the tree.
REBASE = sed -e 's|/usr/local/|$(PREFIX)/|g' \
	-e 's|%(here)s/|$(PREFIX)/share/telemetry-export/scripts/|g'

install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin \
	    $(SHARE)/man/man1 $(SHARE)/man/man5 $(SHARE)/man/man8 \
	    $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions \
	    $(SHARE)/fish/vendor_completions.d $(OURS)/nginx $(OURS)/www $(OURS)/scripts \
	    $(OURS)/examples
	install -m 0755 $(B)/export-api $(B)/export-worker $(DESTDIR)$(PREFIX)/sbin
	sed 's|^INSTALLED = None$$|INSTALLED = $(shell sed -n 's/^.define EXPORT_VERSION //p' \
	    lib/base/version.h)|' scripts/exportctl | \
	    install -m 0755 /dev/stdin $(DESTDIR)$(PREFIX)/bin/exportctl
	install -m 0644 scripts/exportctl.1 $(SHARE)/man/man1
	install -m 0644 scripts/export.conf.5 $(SHARE)/man/man5
	install -m 0644 fcgi/export-api.8 worker/export-worker.8 $(SHARE)/man/man8
	install -m 0644 scripts/exportctl.bash $(SHARE)/bash-completion/completions/exportctl
	install -m 0644 scripts/exportctl.zsh $(SHARE)/zsh/site-functions/_exportctl
	install -m 0644 scripts/exportctl.fish $(SHARE)/fish/vendor_completions.d
	find nginx/www -type f -printf '%P\n' | while read -r f; do \
		install -D -m 0644 "nginx/www/$$f" "$(OURS)/www/$$f" || exit 1; done
	for f in nginx/*.conf; do \
		$(REBASE) $$f | install -m 0644 /dev/stdin $(OURS)/$$f || exit 1; done
	install -m 0755 scripts/owners scripts/parameters scripts/provision \
	    scripts/supervisor-events $(OURS)/scripts
	install -m 0644 scripts/*.json $(OURS)/scripts
	install -D -m 0644 -t $(OURS)/monitoring scripts/monitoring/*
	for f in export.conf supervisord.conf logrotate; do \
		$(REBASE) scripts/$$f | \
		install -m 0644 /dev/stdin $(OURS)/examples/$$f || exit 1; done

uninstall:
	rm -rf $(OURS)
	rm -f $(DESTDIR)$(PREFIX)/sbin/export-api $(DESTDIR)$(PREFIX)/sbin/export-worker \
	    $(DESTDIR)$(PREFIX)/bin/exportctl \
	    $(SHARE)/man/man1/exportctl.1 $(SHARE)/man/man5/export.conf.5 \
	    $(SHARE)/man/man8/export-api.8 $(SHARE)/man/man8/export-worker.8 \
	    $(SHARE)/bash-completion/completions/exportctl \
	    $(SHARE)/zsh/site-functions/_exportctl \
	    $(SHARE)/fish/vendor_completions.d/exportctl.fish

deb:
	scripts/dev/deb $(if $(VERSION),--version $(VERSION))

clean:
	rm -rf build-san build-tsan build-crash build-fuzz
	find build -mindepth 1 -maxdepth 1 ! -name servers ! -name check-api -exec rm -rf {} + \
	    2>/dev/null || true

help:
	@sed -n 's/^# //p; /^$$/q' Makefile

# One entry an object, from what make would run.
compile_commands.json: Makefile
	@$(MAKE) -Bn --no-print-directory $(OBJECTS) | awk -v dir="$(CURDIR)" '\
		BEGIN { print "[" } / -c -o / { file = $$NF; gsub(/["\\]/, "\\\\&"); \
		printf "%s{\"directory\": \"%s\", \"file\": \"%s\", \"command\": \"%s\"}", \
		n++ ? ",\n" : "", dir, file, $$0 } END { print "\n]" }' >$@

format-report:
	@command -v clang-format >/dev/null || { echo "clang-format is missing"; exit 1; }
	@for f in $$(git ls-files '*.c' '*.h'); do \
		clang-format "$$f" | diff -u --label "$$f" --label "$$f" "$$f" - || :; done

-include $(OBJECTS:.o=.d)

.PHONY: all bench bench-api bench-distance bench-split bench-vehicles check \
	check-api check-arm64 check-deb check-memory check-platform check-readers check-s3 \
	check-unit chaos chaos-hosts clean deb format-report fuzz help install profile uninstall
.SECONDARY:
