#ifndef LIB_BASE_PROCESS_H
#define LIB_BASE_PROCESS_H

/*
 * process_harden():
 * No core file; no other process may read our memory, which holds secrets; no
 * new privileges; umask 027; SIGPIPE ignored.
 */
void process_harden(void);

/*
 * process_give_back_memory():
 * Have malloc() share one arena, and give large buffers back when they are
 * freed: else each thread keeps what any of them once needed. Before threads.
 */
void process_give_back_memory(void);

#endif
