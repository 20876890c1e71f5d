/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fact → decide → enforce → record, in this order, for everything that is
 * plugged in: the only place where sense, policy and enforce meet. It owns the
 * policy in force and the table of devices. It knows no event loop and waits
 * for nothing, so tests run it on made trees with the dry-run enforcer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/log.h"
#include "agent/daemon/bundle.h"
#include "agent/daemon/bundle_store.h"
#include "agent/daemon/devices.h"
#include "agent/daemon/failure.h"
#include "agent/daemon/learned.h"
#include "agent/daemon/recorder.h"
#include "agent/daemon/session.h"
#include "agent/enforce/block_guard.h"
#include "agent/enforce/enforce.h"
#include "agent/enforce/usb_auth.h"
#include "agent/sense/builtin.h"
#include "agent/sense/probe.h"
#include "agent/sense/uevent.h"
#include "policy/code.h"
#include "policy/decide.h"
#include "policy/lifeline.h"

struct grants;
struct known_disks;

struct pipeline_options {
	int root_fd;	       /* borrowed */
	const char *rules_dir; /* below the root */
	const struct log *log;
	struct failures *failures;
	struct record_sink sink;
	struct enforce real;	       /* the machine */
	struct enforce dry;	       /* monitor mode */
	struct usb_auth *usb_auth;     /* NULL: root hubs are left alone */
	struct block_guard *guard;     /* NULL: no kernel guard (tier T4) */
	struct recorder *recorder;     /* told of the policy; NULL in tests */
	const struct learned *learned; /* of earlier boots; or NULL */
	/* Built-in disks; NULL or nothing learned: all are free. */
	const struct known_disks *disks;
	const struct session *session; /* of the daemon before us; or NULL */
	struct grants *grants;	       /* what they raise; NULL: nothing */
	bool login_reader;	       /* login needs a USB reader or key */
	const char *zone; /* of the terminal; NULL or "": not said */
	/* Starts the probe of a disk; 0: pipeline_probed() will be called.
	 * -ENOMEDIUM, or NULL: judged without knowing what is on it. Any other
	 * result: denied like one whose probe failed. */
	int (*probe)(void *userdata, const struct medium_entry *medium);
	/* Who sits at the machine, in the context of a decision; or NULL. */
	void (*who)(void *userdata, struct decide_context *context);
	/* MEDIUM may be used for less than before, LEFT; the guard's entry is
	 * made. Ends what is mounted or open: 0, pipeline_ended() will be
	 * called. NULL or -errno: what is mounted stays. With read-write: what
	 * is ending or mounted read-only may be used again. */
	int (*end)(void *userdata, const struct medium_entry *medium,
		   enum media_access left);
	/* 受付番号 of a device (as grants name it), "" where there is none. NULL:
	 * there are none. */
	void (*receipt)(void *userdata, const char *device,
			char ret_text[CODE_RECEIPT_SIZE]);
	/* The medium is no more. */
	void (*forget)(void *userdata, const struct medium_entry *medium);
	void *userdata;
};

#define PIPELINE_BUILTINS_MAX 64

/* A radio or a Thunderbolt device that was judged. */
struct builtin_entry {
	struct builtin_device device;
	struct decision decision;
	enum device_state state;
	bool is_ours;	      /* we switched it off */
	bool is_seen;	      /* mark of the running scan */
	uint32_t again_count; /* opened by somebody, not yet told */
	uint64_t wall_first_ms;
	uint64_t wall_last_ms;
	uint64_t boot_told_ns; /* 0: never */
};

struct pipeline {
	struct pipeline_options options;
	struct bundle bundle;
	struct bundle_store store;
	/* The signed offer that was refused last, and how */
	char refused[BUNDLE_DIGEST_SIZE + 16];
	struct devices devices;
	/* What rules with allowed-matches see. No allocation: one that failed
	 * would show them nobody, and "if !allowed-matches(…)" would open. */
	const struct usb_fact *authorized[DECIDE_AUTHORIZED_MAX];
	struct builtin_entry builtins[PIPELINE_BUILTINS_MAX];
	size_t builtin_count;
	struct decide_history_slot *history;
	size_t history_count;
	bool is_monitor;
	bool is_learning;     /* the terminal's first minutes: see learned.h */
	bool is_starting;     /* what is seen now was there before us */
	bool is_disks_held;   /* fixed disks need an entry in the guard */
	bool has_set_default; /* authorized_default is ours */
	bool is_dirty;	/* the session file is behind (daemon/session.h) */
	bool has_folds; /* refusals counted but not told */
	bool is_glass_broken; /* an emergency login is open */
	struct folds orphans; /* refusals on devices that are no medium */
	bool has_missed;      /* some USB device present is not in the table */
	uint32_t cold_usb;
	uint32_t cold_media;
};

/* Copies OPTIONS; loads no policy and looks at no device. */
void pipeline_init(struct pipeline *pipeline,
		   const struct pipeline_options *options)
	__attribute__((nonnull));
void pipeline_fini(struct pipeline *pipeline) __attribute__((nonnull));

/* Reads the rule files, or, where a trust anchor is pinned, the signed policy
 * that was kept, and, when they are good and new, puts them in force and
 * judges everything present again, in both directions. Returns an enum
 * bundle_outcome or -errno, events recorded. */
int pipeline_load_policy(struct pipeline *pipeline)
	__attribute__((nonnull, warn_unused_result));

/* A signed policy from anybody. One that is good comes into force, is kept and
 * judges everything present; any other changes nothing, bundle.error says why,
 * and an event is recorded: once for the same text where IS_REPEATED. Returns
 * an enum bundle_outcome or -errno. */
int pipeline_offer_policy(struct pipeline *pipeline, struct span text,
			  bool is_repeated)
	__attribute__((nonnull, warn_unused_result));

/* Guard and root hubs as the mode in force wants them. */
void pipeline_apply_mode(struct pipeline *pipeline) __attribute__((nonnull));

/* Compares the table with sysfs: judges what is new, forgets what has gone,
 * takes back what somebody else authorised. The start, a loss of uevents,
 * resume from suspend and the heartbeat call it. */
void pipeline_scan(struct pipeline *pipeline) __attribute__((nonnull));

/* The list of learned devices can be read only now, and ends the learning:
 * devices that are on it, or that were taken for learned meanwhile and are
 * not, are judged again. */
void pipeline_relearn(struct pipeline *pipeline) __attribute__((nonnull));

/* Adds every built-in disk that is there to DISKS. 0, -E2BIG or -errno. */
int pipeline_learn_disks(struct pipeline *pipeline, struct known_disks *disks)
	__attribute__((nonnull, warn_unused_result));

/* From here on a built-in disk that is not known is refused until it is
 * judged; a scan afterwards judges those that are there. Nothing happens while
 * the list is not known. */
void pipeline_hold_disks(struct pipeline *pipeline) __attribute__((nonnull));

/* Judges everything again when some rule looks at the time. */
void pipeline_judge_by_time(struct pipeline *pipeline) __attribute__((nonnull));

/* pipeline_reconcile.c, the end of every scan: what is authorised, bound,
 * entered into the guard and mounted is made equal to what was decided. What
 * somebody made otherwise is told. */
void pipeline_reconcile(struct pipeline *pipeline) __attribute__((nonnull));

/* An emergency login is open, or no more: media are judged again. */
void pipeline_set_glass(struct pipeline *pipeline, bool is_broken)
	__attribute__((nonnull));

/* Judges everything again when some rule looks at who is logged in. */
void pipeline_judge_by_session(struct pipeline *pipeline)
	__attribute__((nonnull));

/* One uevent of the kernel. */
void pipeline_uevent(struct pipeline *pipeline, const struct uevent *event)
	__attribute__((nonnull));

/* One event of the guard's ring. */
void pipeline_guard_event(struct pipeline *pipeline,
			  const struct guard_event *event)
	__attribute__((nonnull));

/* Answer of the probe; PROBE NULL: it crashed, hung or lied, the medium is
 * denied whatever policy says. Ignored when the medium has gone meanwhile. */
void pipeline_probed(struct pipeline *pipeline, const char *disk,
		     uint64_t diskseq, const struct medium_probe *probe)
	__attribute__((nonnull(1, 2)));

/* What options.end() began is over: the disk itself follows, and the USB device
 * that waited for it. */
void pipeline_ended(struct pipeline *pipeline, struct medium_entry *entry)
	__attribute__((nonnull));

/* Tells refusals that were counted; called by a timer while has_folds. */
void pipeline_flush_folds(struct pipeline *pipeline) __attribute__((nonnull));

/* Outcomes of the keyboard guard (> 0). */
enum pipeline_keyboard {
	/* Nothing waits there for a person. */
	PIPELINE_NOT_HELD = 1,
	/* Told, and not cut off: there is no other keyboard to work with. */
	PIPELINE_LAST_KEYBOARD = 2,
};

/* A person, the user of UID, says that the keyboard that waits at ENTRY is
 * theirs: it comes in until it is unplugged. 0, PIPELINE_NOT_HELD, or -EIO
 * where the kernel did not obey. The caller has asked polkit. */
int pipeline_confirm_keyboard(struct pipeline *pipeline,
			      struct usb_entry *entry, uint32_t uid)
	__attribute__((nonnull, warn_unused_result));
/* The input device at INPUT, below ENTRY, has keys to type with. When its
 * interface is no keyboard by the descriptors, the device is judged as one
 * from now on. */
void pipeline_has_keys(struct pipeline *pipeline, struct usb_entry *entry,
		       const char *input) __attribute__((nonnull));
/* It typed as only a machine does: cut off, held and told (0), or
 * PIPELINE_LAST_KEYBOARD. A rule set that forbids new keyboards has the last
 * one cut off, too. */
int pipeline_typed_fast(struct pipeline *pipeline, struct usb_entry *entry)
	__attribute__((nonnull, warn_unused_result));
/* Whether its typing is still to be looked at. */
bool pipeline_is_watched(const struct usb_entry *entry)
	__attribute__((nonnull));

/* Context of a decision now, good until the next call. For explain, too. */
void pipeline_context(struct pipeline *pipeline,
		      struct decide_context *ret_context)
	__attribute__((nonnull));

/* Detail of a decision made blind; it is made again at the next scan. */
#define PIPELINE_BLIND "not all devices present could be read"
/* Some rule asks what else is authorised, and that cannot be told: such rules
 * must not let anything in by it. */
bool pipeline_is_blind(const struct pipeline *pipeline)
	__attribute__((nonnull));

/* The fact of a medium as it was judged. */
void pipeline_media_fact(const struct pipeline *pipeline,
			 const struct medium_entry *medium,
			 struct media_fact *ret_fact) __attribute__((nonnull));

/* Local time of WALL_S (seconds since the epoch); unchanged when it has none. */
void pipeline_local_time(uint64_t wall_s, struct wall_local *ret_now)
	__attribute__((nonnull));

/* Seconds until ENTRY's access gets less by a rule with time; 0: not within
 * HORIZON_S. */
uint32_t pipeline_media_lasts(struct pipeline *pipeline,
			      const struct medium_entry *entry,
			      uint32_t horizon_s) __attribute__((nonnull));

/* --- shared by the pipeline's own files ------------------------------- */

/* The twin that the mode in force calls for. */
struct enforce pipeline_enforce(const struct pipeline *pipeline)
	__attribute__((nonnull));
/* Judges everything present again. */
void pipeline_judge_all(struct pipeline *pipeline) __attribute__((nonnull));
/* The lifeline roles that RULESET would take away from what is present: 0, or
 * LIFELINE_* bits. Changes nothing. */
unsigned int pipeline_prove(struct pipeline *pipeline,
			    const struct ruleset *ruleset)
	__attribute__((nonnull));
/* The roles that must be played; readers where login uses one. */
unsigned int pipeline_lifeline_roles(const struct pipeline *pipeline)
	__attribute__((nonnull));
/* Roles that hardware other than USB plays: a PS/2 keyboard that answered. */
unsigned int pipeline_roles_elsewhere(const struct pipeline *pipeline)
	__attribute__((nonnull));
/* The table as the lifeline sees it, to be freed; *ret_index is ENTRY's place
 * in it (unchanged for NULL). NULL: no memory. */
struct lifeline_device *pipeline_lifeline(const struct pipeline *pipeline,
					  const struct usb_entry *entry,
					  size_t *ret_count, size_t *ret_index)
	__attribute__((nonnull(1, 3, 4)));
/* Copies what VERDICT says. */
void pipeline_take_verdict(const struct pipeline *pipeline,
			   const struct verdict *verdict,
			   struct decision *ret_decision)
	__attribute__((nonnull));
/* A fresh plug session id: "plug-" and 16 hex digits. */
void pipeline_new_plug(char ret_plug[DEVICES_PLUG_SIZE])
	__attribute__((nonnull));

/* Reads the device at DEVPATH into the table, its hubs first, unless it is
 * there already. NULL: gone, not a device, or the table is full. */
struct usb_entry *pipeline_see_usb(struct pipeline *pipeline,
				   const char *devpath)
	__attribute__((nonnull));
/* Judges what was read but not yet judged, in the order of the table. */
void pipeline_judge_new_usb(struct pipeline *pipeline) __attribute__((nonnull));
/* Decide, enforce, record. QUIET: record only if the outcome changed. */
void pipeline_judge_usb(struct pipeline *pipeline, struct usb_entry *entry,
			bool quiet) __attribute__((nonnull));
/* The rules' VERDICT becomes what the keyboard guard makes of it. */
void pipeline_judge_keyboard(const struct pipeline *pipeline,
			     const struct usb_entry *entry,
			     struct verdict *verdict) __attribute__((nonnull));
/* VERDICT becomes ENTRY's decision. */
void pipeline_settle(const struct pipeline *pipeline, struct usb_entry *entry,
		     const struct verdict *verdict) __attribute__((nonnull));
/* Its keyboards in or out as VERDICT has them, where that has changed since
 * the device was authorised. 0 or -errno. */
int pipeline_set_keyboards(struct pipeline *pipeline, struct usb_entry *entry,
			   const struct verdict *verdict)
	__attribute__((nonnull, warn_unused_result));
void pipeline_forget_usb(struct pipeline *pipeline, struct usb_entry *entry)
	__attribute__((nonnull));
/* What policy says of it now; enforces nothing. */
void pipeline_decide_usb(struct pipeline *pipeline,
			 const struct usb_entry *entry,
			 struct verdict *ret_verdict) __attribute__((nonnull));
/* What is done: a denial of a rule on trial (`monitor`) is only told. In
 * monitor mode everything is asked of the dry twin as it would be done. */
bool pipeline_keeps_out(const struct pipeline *pipeline,
			const struct decision *decision)
	__attribute__((nonnull));

/* pipeline_builtin.c: radios and Thunderbolt devices, by their devpath; all
 * that sysfs lists; policy or mode are others than before; refusals counted. */
void pipeline_see_builtin(struct pipeline *pipeline, const char *devpath)
	__attribute__((nonnull));
void pipeline_forget_builtin(struct pipeline *pipeline, const char *devpath)
	__attribute__((nonnull));
void pipeline_scan_builtins(struct pipeline *pipeline) __attribute__((nonnull));
void pipeline_apply_builtins(struct pipeline *pipeline, bool was_monitor)
	__attribute__((nonnull));
void pipeline_flush_builtins(struct pipeline *pipeline)
	__attribute__((nonnull));

/* pipeline_grant.c. pipeline_decide_usb(), and what a grant makes of it; the
 * row that does, or NULL. */
const struct grants_row *pipeline_decide_usb_granted(
	struct pipeline *pipeline, const struct usb_entry *entry,
	struct verdict *ret_verdict) __attribute__((nonnull));
/* Whether a grant may open the medium that VERDICT is about: where policy wants
 * the ledger asked first, only one that stands in it, for today. */
bool pipeline_may_grant(const struct pipeline *pipeline,
			const struct verdict *verdict) __attribute__((nonnull));
/* The decision is GRANT's (NULL: no grant's). */
void pipeline_take_grant(const struct grants_row *grant,
			 struct decision *decision) __attribute__((nonnull(2)));
/* What is in force now under a grant was used: told once a plug. */
void pipeline_use_usb(struct pipeline *pipeline, struct usb_entry *entry)
	__attribute__((nonnull));
void pipeline_use_medium(struct pipeline *pipeline, struct medium_entry *entry)
	__attribute__((nonnull));
/* The device of that plug is no more. */
void pipeline_leave_grant(struct pipeline *pipeline, const char *plug)
	__attribute__((nonnull));
/* CLOCK_BOOTTIME at which the grant of a decision ends; 0: it is no grant's. */
uint64_t pipeline_grant_end(const struct pipeline *pipeline,
			    const struct decision *decision)
	__attribute__((nonnull));

struct medium_entry *pipeline_see_medium(struct pipeline *pipeline,
					 const char *devpath)
	__attribute__((nonnull));
void pipeline_judge_medium(struct pipeline *pipeline,
			   struct medium_entry *entry, bool quiet)
	__attribute__((nonnull));
/* pipeline_end.c. Whether a USB device must stay while media on it are ended,
 * which this begins: unmounted first, then taken away. */
bool pipeline_waits_for_media(struct pipeline *pipeline,
			      const struct usb_entry *entry, bool is_kept_out)
	__attribute__((nonnull));
/* Judges the USB devices above USB_DEVPATH again that waited for a medium. */
void pipeline_judge_waiting(struct pipeline *pipeline, const char *usb_devpath)
	__attribute__((nonnull));
/* Begins to end what is in use of ENTRY beyond LEFT; false: that is nothing,
 * or nobody can, and the caller closes it as it is. */
bool pipeline_end_medium(struct pipeline *pipeline, struct medium_entry *entry,
			 enum media_access left)
	__attribute__((nonnull, warn_unused_result));
/* Records what holds of it now. */
void pipeline_tell_medium(struct pipeline *pipeline, struct medium_entry *entry)
	__attribute__((nonnull));
/* ACCESS for the guard. */
enum guard_access pipeline_guard_access(enum media_access access);
/* Brings the disk to what was decided, whatever is mounted. */
void pipeline_set_medium(struct pipeline *pipeline, struct medium_entry *entry)
	__attribute__((nonnull));

void pipeline_forget_medium(struct pipeline *pipeline,
			    struct medium_entry *entry)
	__attribute__((nonnull));
void pipeline_flush_medium(struct pipeline *pipeline,
			   struct medium_entry *entry) __attribute__((nonnull));
/* Judged now: what the kernel and udev tried before is not worth telling. */
void pipeline_forget_looks(struct medium_entry *entry) __attribute__((nonnull));

/* Whether a fixed disk is one of the machine's own. */
bool pipeline_is_known_disk(const struct pipeline *pipeline,
			    const struct block_disk *disk)
	__attribute__((nonnull));
/* Enters a known fixed disk into the guard, once. */
void pipeline_admit_disk(struct pipeline *pipeline,
			 const struct block_disk *disk)
	__attribute__((nonnull));

/* Records. */
void pipeline_record_usb(struct pipeline *pipeline, struct usb_entry *entry,
			 enum record_code code) __attribute__((nonnull));
void pipeline_record_medium(struct pipeline *pipeline,
			    struct medium_entry *entry, enum record_code code)
	__attribute__((nonnull));
void pipeline_record_ending(struct pipeline *pipeline,
			    struct medium_entry *entry, enum record_code code,
			    const struct record_ending *ending)
	__attribute__((nonnull));
void pipeline_fill_decision(const struct decision *decision, const char *layer,
			    struct record_decision *ret_record)
	__attribute__((nonnull));
