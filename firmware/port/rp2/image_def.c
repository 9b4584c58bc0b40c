/* image_def.c: the block by which the boot ROM of an RP2350 knows an executable image.
 *
 * It must lie in the first 4 KB; without another item the vector table is at the image's start.
 * Source: RP2350 data sheet, boot ROM, minimum Arm IMAGE_DEF.
 */
#include <stdint.h>

extern const uint32_t tml_image_def[5];

__attribute__((section(".boot_block"), used)) const uint32_t tml_image_def[5] = {
    0xFFFFDED3u, /* start of block */
    0x10210142u, /* image type: executable, secure, Arm, RP2350 */
    0x000001FFu, /* last item, one word of items before it */
    0x00000000u, /* the loop of blocks has this one only */
    0xAB123579u, /* end of block */
};
