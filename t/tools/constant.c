/*
 * constant: a FastCGI handler that answers each request with the same 88 bytes:
 * what t/bench/bench-api compares export-api with. Started as export-api is.
 */
#include <signal.h>
#include <unistd.h>

#include <fcgiapp.h>

static void
on_stop(int sig)
{
	(void)sig;
	_exit(0);
}

int
main(void)
{
	static const char answer[] = "Content-Type: application/json\r\n\r\n"
	    "{\"_id\":\"65f000000000000000000000\",\"startDate\":"
	    "\"2018-11-30\",\"state\":\"NOT_STARTED\"}\n";
	FCGX_Request fcgx;

	signal(SIGTERM, on_stop);
	if (FCGX_Init() != 0 || FCGX_InitRequest(&fcgx, STDIN_FILENO, 0) != 0)
		return 1;
	while (FCGX_Accept_r(&fcgx) == 0) {
		FCGX_PutStr(answer, sizeof(answer) - 1, fcgx.out);
		FCGX_Finish_r(&fcgx);
	}
	return 0;
}
