// room: agent/daemon/x.c
#include <string.h>
void copy(char *d, const char *s);
void copy(char *d, const char *s)
{
	strcpy(d, s);
}
