// room: agent/daemon
#include <curl/curl.h>
