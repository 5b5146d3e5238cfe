/* SPDX-License-Identifier: MIT
 *
 * The face of the core, in pure C. Whoever embeds Kerberos needs this header and the archive.
 *
 * 1. Handles are opaque and made by the function that returns them; each has one that ends it.
 * 2. Text is a pointer and a length, never terminated by zero unless it says so; text that is
 *    returned lives as long as the handle it came from.
 * 3. Functions that can fail return a kerberos_result; nothing throws, nothing aborts, nothing
 *    logs, nothing reads a clock. Pointers may not be NULL unless it says so.
 * 4. Times are milliseconds: `now` on the monotonic clock that all processes share.
 * 5. What is marked MUTEX changes structures in the zone: hold the zone's mutex. What is marked
 *    REQUEST is for the request path: it neither allocates nor locks nor waits nor fails.
 * 6. Structs with an `opaque` member are memory of the caller's for what only the core knows.
 */
#ifndef KERBEROS_H
#define KERBEROS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    KERBEROS_OK = 0,
    KERBEROS_NO_MEMORY,  /* of the process or of the zone */
    KERBEROS_REFUSED,    /* what was given is wrong; the function says what */
    KERBEROS_FAULT       /* a bug in the core; nothing was done */
} kerberos_result;

typedef struct {
    size_t       len;
    const char  *data;
} kerberos_text;

/* Settings: what directives and YAML say of a breaker. */

typedef struct {
    uint64_t  opaque[40];
} kerberos_settings;

typedef enum {
    KERBEROS_TAKEN = 0,
    KERBEROS_UNKNOWN,    /* no parameter has this name */
    KERBEROS_DUPLICATE,  /* it was given before */
    KERBEROS_INVALID     /* the value is of the wrong form, unit or range */
} kerberos_verdict;

void kerberos_settings_init(kerberos_settings *settings);

/* Sets a breaker parameter. Otherwise than KERBEROS_TAKEN, `allowed` tells what would have been
 * right, ended by zero. */
kerberos_verdict kerberos_settings_set(kerberos_settings *settings, kerberos_text name,
    kerberos_text value, char *allowed, size_t room);

/* Adds a word of kerberos_failure_on; the first one replaces the default list. */
kerberos_verdict kerberos_settings_add_failure(kerberos_settings *settings, kerberos_text word,
    char *allowed, size_t room);

/* Turns the breaker on or off, whatever it would inherit. */
void kerberos_settings_enable(kerberos_settings *settings, int on);

/* Fills what `settings` does not say from `inherited`. */
void kerberos_settings_inherit(kerberos_settings *settings, const kerberos_settings *inherited);

/* Writes what contradicts what, ended by zero; returns whether anything does. */
int kerberos_settings_contradict(const kerberos_settings *settings, char *text, size_t room);

/* What kerberos_keepalive and "keepalive" of a registry say; -1: nothing. */
typedef struct {
    int64_t  connections;  /* 0: off */
    int64_t  idle;
    int64_t  requests;
    int64_t  total;
} kerberos_kept;

void kerberos_kept_init(kerberos_kept *kept);

/* Sets a parameter; the first word of the directive, where it is not "off", is "connections". The
 * rest is as with kerberos_settings_set(). */
kerberos_verdict kerberos_kept_set(kerberos_kept *kept, kerberos_text name, kerberos_text value,
    char *allowed, size_t room);

/* Whether something is wrong with the words of kerberos_balance: then `problem` tells what, ended
 * by zero. */
int kerberos_balance_wrong(const kerberos_text *words, size_t count, char *problem, size_t room);

/* Configuration: the services, before they have a place in the zone. */

typedef struct kerberos_config_s  kerberos_config;

typedef struct {
    kerberos_text             id;  /* empty: its address */
    uint32_t                  weight;
    uint32_t                  max_conns;  /* 0: no limit */
    int                       backup;
    int                       down;
    const kerberos_settings  *settings;  /* complete for this peer */
} kerberos_peer;

/* A text that a registry is read from. The name is a file's path as messages shall tell it, or
 * "env:", which stands for all variables that define services and has no text. */
typedef struct {
    kerberos_text  name;
    kerberos_text  text;
} kerberos_source;

typedef enum {
    KERBEROS_ADDRESS = 0,  /* "10.0.0.1:80", "[::1]:80" or "unix:/path" */
    KERBEROS_NAME,         /* "name:80", may be followed */
    KERBEROS_SRV           /* the name of SRV records, is followed */
} kerberos_target_kind;

/* A peer of a registry that has to be resolved. */
typedef struct {
    kerberos_text         target;
    kerberos_target_kind  kind;
} kerberos_target;

/* Tells one line of what is wrong; a problem can have several. */
typedef void (*kerberos_on_message)(void *context, kerberos_text line);

kerberos_config *kerberos_config_create(void);  /* NULL: no memory */
/* A copy without the services of registries. NULL: no memory. */
kerberos_config *kerberos_config_renew(const kerberos_config *config);
void kerberos_config_destroy(kerberos_config *config);

/* Adds a service and makes it the one that peers are added to. KERBEROS_REFUSED: the name is
 * taken. */
kerberos_result kerberos_config_add_service(kerberos_config *config, kerberos_text name);
/* How the service added last balances. KERBEROS_REFUSED: see kerberos_balance_wrong(). */
kerberos_result kerberos_config_balance(kerberos_config *config, const kerberos_text *words,
    size_t count);
kerberos_result kerberos_config_add_peer(kerberos_config *config, const kerberos_peer *peer);
/* Adds an address to the peer added last. */
kerberos_result kerberos_config_add_address(kerberos_config *config, const void *sockaddr,
    size_t length, kerberos_text text);

/* Adds the services of a registry: of all its sources, or none. KERBEROS_REFUSED: nothing was
 * added, and the problems of all sources have been told. `environment` are texts "NAME=value".
 * What a service does not say it inherits from `inherited`. Asks for nothing but memory, and
 * may run in a thread. */
kerberos_result kerberos_config_read(kerberos_config *config, const kerberos_source *sources,
    size_t count, const kerberos_text *environment, size_t variables,
    const kerberos_settings *inherited, kerberos_on_message on_message, void *context);

/* The names of the variables that were asked for. */
size_t kerberos_config_variables(const kerberos_config *config);
kerberos_text kerberos_config_variable(const kerberos_config *config, size_t number);
/* What was read and has no effect yet, for a warning; empty: nothing. */
kerberos_text kerberos_config_idle(const kerberos_config *config);

/* The peers that kerberos_config_read() added have targets and no addresses. */
size_t kerberos_config_targets(const kerberos_config *config);
kerberos_target kerberos_config_target(const kerberos_config *config, size_t number);
kerberos_result kerberos_config_resolve(kerberos_config *config, size_t number,
    const void *sockaddr, size_t length, kerberos_text text);
/* It is a name, whose addresses will be learnt; see kerberos_zone_learn(). */
void kerberos_config_follow(kerberos_config *config, size_t number);
int kerberos_config_follows(const kerberos_config *config);  /* whether any is */
/* Tells what is wrong with it, and where it stands. */
kerberos_result kerberos_config_refuse_target(const kerberos_config *config, size_t number,
    kerberos_text why, kerberos_on_message on_message, void *context);

/* The files that the services name whose peers speak TLS, each once, and what is in them: PEM, and
 * the digest by which it is known again. */
size_t kerberos_config_files(const kerberos_config *config);
kerberos_text kerberos_config_file(const kerberos_config *config, size_t number);
kerberos_result kerberos_config_tell_file(kerberos_config *config, size_t number,
    kerberos_text text, const uint64_t digest[2]);
/* Tells what is wrong with it, and where it is named first. */
kerberos_result kerberos_config_refuse_file(const kerberos_config *config, size_t number,
    kerberos_text why, kerberos_on_message on_message, void *context);

size_t kerberos_config_services(const kerberos_config *config);
/* The key by which a service hashes, with its variables; empty: it does not. Services have the
 * same numbers as in the generation that is built of them. */
kerberos_text kerberos_config_key(const kerberos_config *config, size_t service);
int kerberos_config_in_registry(const kerberos_config *config, size_t service);
/* Tells what is wrong with the key of a service in a registry, and where it stands. */
kerberos_result kerberos_config_refuse_key(const kerberos_config *config, size_t service,
    kerberos_text why, kerberos_on_message on_message, void *context);
/* The variables by which routes set headers, as often as they stand there. */
size_t kerberos_config_header_variables(const kerberos_config *config);
kerberos_text kerberos_config_header_variable(const kerberos_config *config, size_t number);
/* Tells what is wrong with it, and where it stands. */
kerberos_result kerberos_config_refuse_header_variable(const kerberos_config *config,
    size_t number, kerberos_text why, kerberos_on_message on_message, void *context);

size_t kerberos_config_peers(const kerberos_config *config);

/* The size in bytes that a zone needs for these services and so many processes. */
size_t kerberos_config_bytes(const kerberos_config *config, size_t processes);

/* Zone: the shared memory. A handle is of one process; the memory is everybody's. */

typedef struct kerberos_zone_s  kerberos_zone;

typedef struct {
    void    *base;
    size_t   size;
    void    *context;
    void  *(*allocate)(void *context, size_t size);  /* NULL: none left */
    void   (*release)(void *context, void *block);
} kerberos_memory;

/* Opens the zone whose header is `*header`, or creates one where that is NULL and sets it.
 * KERBEROS_REFUSED: its layout is another version's. MUTEX. */
kerberos_result kerberos_zone_open(const kerberos_memory *memory, void **header,
    kerberos_zone **zone);
void kerberos_zone_close(kerberos_zone *zone);  /* the handle; the memory stays */

/* What a registry was read from, and when. */
typedef struct {
    uint64_t  digest[2];  /* of its texts */
    int64_t   unix_ms;
} kerberos_edition;

/* Builds the first generation of a configuration beside those there are, and frees what nobody
 * uses any more; `exists` tells whether a process lives. Its number names the configuration and
 * all generations that come of it: their lineage. MUTEX. */
kerberos_result kerberos_zone_build(kerberos_zone *zone, kerberos_config *config,
    const kerberos_edition *edition, int (*exists)(int64_t pid), int64_t now, uint64_t *lineage);

/* Puts the first generation of a lineage in force. MUTEX. */
void kerberos_zone_publish(kerberos_zone *zone, uint64_t lineage);

/* Builds the next generation of a lineage and puts it in force. KERBEROS_REFUSED: another
 * configuration is. KERBEROS_NO_MEMORY: processes have been asked to let go of older ones, so that
 * there may be some in a while. MUTEX. */
kerberos_result kerberos_zone_change(kerberos_zone *zone, kerberos_config *config,
    uint64_t lineage, const kerberos_edition *edition, int64_t now, uint64_t *generation);
/* The same for a configuration that is in force, where its names stand for something else now.
 * KERBEROS_REFUSED: another is. MUTEX. */
kerberos_result kerberos_zone_refresh(kerberos_zone *zone, kerberos_config *config,
    uint64_t lineage, const kerberos_edition *edition, int64_t now, uint64_t *generation);

/* Keeps for the status why a registry was refused, until one is taken. MUTEX. */
void kerberos_zone_refuse(kerberos_zone *zone, const kerberos_edition *edition,
    kerberos_text text);

/* What there is to do about a registry that was found. MUTEX. */
typedef enum {
    KERBEROS_NEW = 0,
    KERBEROS_IN_FORCE,
    KERBEROS_REPAIRED,       /* it is in force, and another was refused meanwhile */
    KERBEROS_REFUSED_BEFORE,
    KERBEROS_SUPERSEDED      /* another configuration is in force */
} kerberos_known;

kerberos_known kerberos_zone_knows(kerberos_zone *zone, uint64_t lineage,
    const kerberos_edition *edition);

/* Whether a registry has less than half the peers of the one in force, and does not say that it is
 * meant to. Of names that have no answer yet nobody knows: with them it does not. MUTEX. */
int kerberos_zone_shrinks(kerberos_zone *zone, kerberos_config *config, size_t *before,
    size_t *after);

/* Names: the zone keeps what they stood for last, and a configuration has one peer for each of
 * these addresses. */

typedef void (*kerberos_on_name)(void *context, kerberos_text name);
/* A line for the log. */
typedef void (*kerberos_on_line)(void *context, kerberos_text line, int warning);

/* An address that a name stands for. What is no sockaddr_in or sockaddr_in6 is passed over. */
typedef struct {
    const void  *sockaddr;
    unsigned     priority;  /* of an SRV record, and so is a port that is not 0 */
    unsigned     weight;
} kerberos_named;

/* What came of a question: addresses, or why there are none. */
typedef struct {
    kerberos_text          name;
    const kerberos_named  *addresses;
    size_t                 count;
    unsigned               error;    /* a code of DNS, or ETIMEDOUT */
    int                    partial;  /* there may be more addresses than these */
} kerberos_hearing;

/* Tells the names of which nobody has heard anything yet, good or bad. MUTEX. */
kerberos_result kerberos_zone_unheard(kerberos_zone *zone, const kerberos_config *config,
    int64_t now, kerberos_on_name on_name, void *context);

/* Keeps what was heard, and tells what is worth a line. `*changed`: addresses are others than
 * before. KERBEROS_NO_MEMORY: not everything was kept. MUTEX. */
kerberos_result kerberos_zone_learn(kerberos_zone *zone, const kerberos_hearing *hearings,
    size_t count, int64_t now, kerberos_on_line on_line, void *context, int *changed);

/* Whether names of the generation in force stand for something else than when it was built, also
 * where another than the caller learnt that: it is due to be refreshed. MUTEX. */
int kerberos_zone_stale(kerberos_zone *zone);

/* Frees generations that nobody uses any more. MUTEX. */
void kerberos_zone_sweep(kerberos_zone *zone, int64_t now);

/* Process: one worker at work on the generations of its configuration. */

typedef struct kerberos_process_s  kerberos_process;

/* Takes a slot, numbered from 0 to 1023, and gives back what its former owner held. MUTEX. */
kerberos_result kerberos_attach(kerberos_zone *zone, uint32_t slot, int64_t pid, uint64_t lineage,
    uint64_t seed, kerberos_process **process);

/* Goes over to the generation in force, for the requests that begin from now on; returns whether
 * it is another than before. Numbers of services mean another thing then; ranks do not. Takes no
 * lock. */
int kerberos_adopt(kerberos_process *process);

/* Tells the names that the generation adopted last follows. */
void kerberos_names(kerberos_process *process, kerberos_on_name on_name, void *context);

/* Whether this process is the one that does what one alone should do. To be asked every
 * 250 ms or so: who stops asking, or dies, is followed by another within 1.5 s. */
int kerberos_lead(kerberos_process *process, int64_t now);
/* Whether nobody else has taken over since. For a thread as well. */
int kerberos_leads(const kerberos_process *process);
void kerberos_resign(kerberos_process *process);

/* Gives back what processes held that are gone without a word. MUTEX. */
void kerberos_bury(kerberos_process *process, int (*exists)(int64_t pid));
/* Hands out the log lines that they have not written any more, some while after they were buried.
 * To be called as often as kerberos_bury(). */
void kerberos_tell_orphans(kerberos_process *process, kerberos_on_line on_line, void *context);
void kerberos_detach(kerberos_process *process);        /* leaves the slot. MUTEX. */
/* The handle, and the generations that it holds, but not the slot. */
void kerberos_process_free(kerberos_process *process);

/* Requests. */

#define KERBEROS_ATTEMPTS_MAX  32  /* a request is tried on at most so many peers */
#define KERBEROS_LINE_MAX      1024

typedef struct {
    uint64_t  opaque[26];
} kerberos_request;

/* Transitions on the way, for the log. */
typedef struct {
    uint32_t  count;
    uint64_t  opaque[34];
} kerberos_notices;

typedef enum {
    KERBEROS_CLOSED = 0,
    KERBEROS_OPEN,
    KERBEROS_HALF_OPEN
} kerberos_state;

typedef struct {
    int               picked;
    uint32_t          peer;  /* its rank */
    const void       *sockaddr;
    uint32_t          sockaddr_len;
    kerberos_text     address;
    kerberos_text     id;
    kerberos_state    met;  /* HALF_OPEN: a probe; OPEN: none, for peers are held out */
    int64_t           replay_within;  /* 0, or that this attempt is a probe which should be cut
                                         off after so long and sent to another peer where it
                                         fails */
    int64_t           retry_after;  /* nobody to be had: until somebody may be; 0: unknown */
} kerberos_pick;

/* On which terms a request's service wants connections made, waited for and kept. Times are
 * milliseconds; -1: it does not say. */
typedef struct {
    int64_t        connect;
    int64_t        send;
    int64_t        read;
    kerberos_kept  kept;
    int            tls;         /* whether its peers speak it */
    int            verify;      /* 0, 1 or -1 */
    kerberos_text  name;        /* the server name; empty: it does not say */
    kerberos_text  trusted;     /* certificates in PEM; empty: it does not say */
    uint64_t       digest[2];   /* of these */
} kerberos_terms;

/* What the server shows of an attempt that ends; see core/breaker/outcome.h. */
typedef struct {
    int       freed;      /* 0 done, 2 next (not its fault), 4 failed */
    int       finalized;  /* whether `finalize` says how the request ended */
    int       finalize;
    int       status;
    int       grpc_status;  /* -1: none */
    int64_t   duration;     /* of the attempt until its response header, or so far */
    unsigned  header_received:1;
    unsigned  header_sent:1;
    unsigned  request_sent:1;
    unsigned  reused:1;
    unsigned  bytes_received:1;
    unsigned  tls:1;
    unsigned  connect_timed_out:1;
    unsigned  read_timed_out:1;
    unsigned  read_eof:1;
    unsigned  read_error:1;
    unsigned  upgraded:1;
    unsigned  client_gone:1;
    unsigned  retry_after:1;
} kerberos_evidence;

typedef enum {
    KERBEROS_NEUTRAL = 0,
    KERBEROS_SUCCESS,
    KERBEROS_FAILURE
} kerberos_outcome;

/* Which services a name may mean: those of upstream blocks, or those of registry files. What a
 * client names must never reach a block that was not published to it. */
typedef enum {
    KERBEROS_OF_BLOCK = 0,
    KERBEROS_OF_REGISTRY
} kerberos_origin;

/* The number of the service of that name; returns whether there is one. REQUEST. */
int kerberos_find(kerberos_process *process, kerberos_origin origin, kerberos_text name,
    uint32_t *service);

kerberos_text kerberos_service_name(kerberos_process *process, uint32_t service); /* REQUEST */
uint32_t kerberos_service_peers(kerberos_process *process, uint32_t service);     /* REQUEST */

/* The key by which it hashes, with its variables; empty: it does not. REQUEST */
kerberos_text kerberos_service_key(kerberos_process *process, uint32_t service);

/* Ranks name services and peers for as long as this process has anything to do with them, whatever
 * generation it adopts: small numbers, which are given again to others later. REQUEST */
uint32_t kerberos_service_rank(kerberos_process *process, uint32_t service);

/* Rises whenever a peer of the service changes sides. REQUEST */
uint64_t kerberos_changes(kerberos_process *process, uint32_t service_rank);

/* Whether the generation adopted last has a peer of that rank. */
int kerberos_has_peer(kerberos_process *process, uint32_t rank);

/* Whether ordinary requests are kept from the peer, or there is no such peer any more, so that no
 * connection to it is worth keeping. REQUEST */
int kerberos_peer_out(kerberos_process *process, uint32_t rank, int64_t now);

/* This process keeps `change` more idle connections to the peer. REQUEST */
void kerberos_count_idle(kerberos_process *process, uint32_t rank, int change);

/* Routes: which service takes a request that names none. */

#define KERBEROS_ROUTE_GROUPS  10

/* A header of the request, by its name in lower case, or an argument; returns whether it is
 * there. */
typedef int (*kerberos_on_field)(void *context, kerberos_text name, kerberos_text *value);

typedef struct {
    kerberos_text      method;
    kerberos_text      host;
    kerberos_text      path;  /* decoded and normalized */
    kerberos_on_field  header;
    kerberos_on_field  argument;
    void              *context;
} kerberos_route_request;

typedef struct {
    uint32_t       service;  /* its number */
    uint32_t       route;
    int            rewrites;  /* the path becomes another, so long: */
    size_t         path_length;
    uint32_t       set_headers;
    kerberos_text  name;
    kerberos_text  groups[KERBEROS_ROUTE_GROUPS];  /* parts of the path */
} kerberos_route;

/* Whether the generation adopted last has any. REQUEST */
int kerberos_has_routes(kerberos_process *process);

/* KERBEROS_REFUSED: none fits. What it tells is of the generation adopted last. KERBEROS_NO_MEMORY:
 * an expression needed some. REQUEST, but for expressions. */
kerberos_result kerberos_route_match(kerberos_process *process,
    const kerberos_route_request *request, kerberos_route *route);

/* Writes the path that goes to the peer, path_length bytes, of the one that was matched. REQUEST */
void kerberos_route_path(kerberos_process *process, const kerberos_route *route,
    kerberos_text path, char *out);

typedef enum {
    KERBEROS_PIECE_TEXT = 0,
    KERBEROS_PIECE_VARIABLE  /* a name */
} kerberos_piece;

typedef void (*kerberos_on_piece)(void *context, kerberos_piece kind, kerberos_text text);

/* Tells the pieces of a header's new value, none where it is taken away; returns its name.
 * REQUEST */
kerberos_text kerberos_route_header(kerberos_process *process, const kerberos_route *route,
    uint32_t number, kerberos_on_piece on_piece, void *context);

/* Counts a request that no route was for. REQUEST */
void kerberos_count_unmatched(kerberos_process *process);

/* Begins a request; then, for each attempt, pick and report; then close. It holds the generation
 * that it began on, unless there come to be too many. `service`: of the one adopted last.
 * `replayable`: it may be sent again whatever became of it; `key`: by which its service hashes, or
 * empty. REQUEST. */
void kerberos_open(kerberos_process *process, uint32_t service, int replayable, kerberos_text key,
    kerberos_request *request);
void kerberos_pick_peer(kerberos_process *process, kerberos_request *request, int64_t now,
    kerberos_pick *pick, kerberos_notices *notices);
/* The terms of the request's service, whose texts live until the request is next asked for
 * anything; returns whether there is such a service yet. REQUEST. */
int kerberos_get_terms(kerberos_process *process, kerberos_request *request,
    kerberos_terms *terms);
/* The response has begun; needs to be told of probes alone. REQUEST. */
void kerberos_answered(kerberos_process *process, kerberos_request *request,
    const kerberos_evidence *evidence, int64_t now);
/* The attempt has ended. Without one under way nothing happens. REQUEST. */
kerberos_outcome kerberos_report(kerberos_process *process, kerberos_request *request,
    const kerberos_evidence *evidence, int64_t now, kerberos_notices *notices);
/* Whether there is a peer that this request has not tried. REQUEST. */
int kerberos_has_other(kerberos_process *process, kerberos_request *request);
/* What pick has told of a peer may be gone after this. REQUEST. */
void kerberos_close(kerberos_process *process, kerberos_request *request);

/* Writes the log line of a notice, at most KERBEROS_LINE_MAX bytes; returns its length. `warning`
 * says whether it is a bad one. REQUEST. */
size_t kerberos_notice_line(const kerberos_notices *notices, uint32_t number, char *line,
    size_t room, int *warning);

/* The lines of these notices have been logged. REQUEST. */
void kerberos_told(kerberos_process *process, const kerberos_notices *notices);

/* Counts an internal fault that was survived. REQUEST. */
void kerberos_count_fault(kerberos_process *process);

/* Reports. */

/* Writes the names of the services of registry files, separated by ", ", cut short where the
 * room ends. */
size_t kerberos_service_names(kerberos_process *process, char *text, size_t room);

/* The status document; `used` bytes of the zone are not free. kerberos_document_free() ends it. */
typedef struct kerberos_document_s  kerberos_document;

kerberos_result kerberos_status_json(kerberos_process *process, int64_t now, int64_t unix_ms,
    int64_t pid, size_t used, kerberos_document **document);
kerberos_text kerberos_document_text(const kerberos_document *document);
void kerberos_document_free(kerberos_document *document);

/* State: what is to outlive the shared memory, as texts for the caller to keep and to return. */

/* What a restart should know of the breakers. `*mark` is of the text that the caller has kept; 0:
 * none. Where that still says all, `*document` is NULL. `unix_ms` is the moment `now`. */
kerberos_result kerberos_save_breakers(kerberos_process *process, int64_t now, int64_t unix_ms,
    uint64_t *mark, kerberos_document **document);

typedef struct {
    size_t  peers;
    size_t  open;     /* of these */
    size_t  unknown;  /* the generation does not have them */
    size_t  invalid;  /* what was said of them makes no sense */
} kerberos_restored;

/* Tells it to a generation, the first of a new zone, before anybody works with it.
 * KERBEROS_REFUSED: nothing was restored; `problem` tells why, ended by zero. MUTEX. */
kerberos_result kerberos_restore_breakers(kerberos_zone *zone, uint64_t generation,
    kerberos_text text, int64_t now, int64_t unix_ms, kerberos_restored *restored, char *problem,
    size_t room);

/* What names stand for. MUTEX. */
kerberos_result kerberos_save_names(kerberos_zone *zone, kerberos_document **document);

/* Tells it to a new zone, before anything is built in it; `*restored`: so many names.
 * KERBEROS_REFUSED: `problem` tells why not, ended by zero. MUTEX. */
kerberos_result kerberos_restore_names(kerberos_zone *zone, kerberos_text text, int64_t now,
    size_t *restored, char *problem, size_t room);

/* What a registry was read from, all of its sources. KERBEROS_REFUSED: they are no UTF-8. */
kerberos_result kerberos_save_sources(const kerberos_source *sources, size_t count,
    kerberos_document **document);

typedef struct kerberos_archive_s  kerberos_archive;

/* KERBEROS_REFUSED: `problem` tells why, ended by zero. */
kerberos_result kerberos_restore_sources(kerberos_text text, kerberos_archive **archive,
    char *problem, size_t room);
size_t kerberos_archive_sources(const kerberos_archive *archive);
kerberos_source kerberos_archive_source(const kerberos_archive *archive, size_t number);
void kerberos_archive_free(kerberos_archive *archive);

#ifdef __cplusplus
}
#endif

#endif /* KERBEROS_H */
