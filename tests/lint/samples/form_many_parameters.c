// room: agent/daemon/x.c
int f(int a, int b, int c, int d, int e, int g);
int f(int a, int b, int c, int d, int e, int g)
{
	return a + b + c + d + e + g;
}
