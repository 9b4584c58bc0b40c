/* app.h: what CubeMX's main.c calls. tinyml wrote it once and does not touch it again. */
#ifndef TINYML_APP_H
#define TINYML_APP_H

#ifdef __cplusplus
extern "C" {
#endif

/* Once, behind the MX_..._Init() functions: USER CODE BEGIN 2. */
void tinyml_app_init(void);

/* In the endless loop: USER CODE BEGIN 3. Returns soon when there is nothing to do. */
void tinyml_app_poll(void);

#ifdef __cplusplus
}
#endif

#endif
