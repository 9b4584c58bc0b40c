/* malloc.h: as the C libraries have it that bring one. */
#pragma once

#include <stdlib.h>
