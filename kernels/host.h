// heed.h for the files of the host's side, which meet the system's headers: select() is theirs there.
#ifndef HEED_HOST_H
#define HEED_HOST_H

#define select heed_select
#include "heed.h"
#undef select

#endif
