#pragma once

typedef struct QueueDefinition *QueueHandle_t;
