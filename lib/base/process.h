#ifndef LIB_BASE_PROCESS_H
#define LIB_BASE_PROCESS_H

/*
 * process_harden():
 * No core file; no other process may read our memory, which holds secrets; no
 * new privileges; umask 027; SIGPIPE ignored.
 */
void process_harden(void);

#endif
