// room: agent/wire
#include "policy/ruleset.h"
