// room: agent/daemon/x.c
static int counter;
int next(void);
int next(void)
{
	return ++counter;
}
