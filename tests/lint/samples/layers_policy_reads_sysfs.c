// room: policy
#include "agent/sense/sysfs.h"
