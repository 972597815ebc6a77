//go:build amd64

#include "textflag.h"

// MD5 of sixteen padded blocks (RFC 1321, section 3.4) with AVX2: two vectors of eight lanes go through the steps side
// by side, so that one works while the other waits for its chain of dependent steps.
//
// Y0 to Y3 are a, b, c and d of lanes 0 to 7, Y4 to Y7 those of lanes 8 to 15. Y8 to Y11 are scratch, Y12 is the
// constant of the step, Y13 is all ones. SI is the message, 64 bytes for each word; R8 is the table of constants.

// The constants of the 64 steps, and then the four words that a digest begins with.
DATA steps<>+0(SB)/4, $0xd76aa478
DATA steps<>+4(SB)/4, $0xe8c7b756
DATA steps<>+8(SB)/4, $0x242070db
DATA steps<>+12(SB)/4, $0xc1bdceee
DATA steps<>+16(SB)/4, $0xf57c0faf
DATA steps<>+20(SB)/4, $0x4787c62a
DATA steps<>+24(SB)/4, $0xa8304613
DATA steps<>+28(SB)/4, $0xfd469501
DATA steps<>+32(SB)/4, $0x698098d8
DATA steps<>+36(SB)/4, $0x8b44f7af
DATA steps<>+40(SB)/4, $0xffff5bb1
DATA steps<>+44(SB)/4, $0x895cd7be
DATA steps<>+48(SB)/4, $0x6b901122
DATA steps<>+52(SB)/4, $0xfd987193
DATA steps<>+56(SB)/4, $0xa679438e
DATA steps<>+60(SB)/4, $0x49b40821
DATA steps<>+64(SB)/4, $0xf61e2562
DATA steps<>+68(SB)/4, $0xc040b340
DATA steps<>+72(SB)/4, $0x265e5a51
DATA steps<>+76(SB)/4, $0xe9b6c7aa
DATA steps<>+80(SB)/4, $0xd62f105d
DATA steps<>+84(SB)/4, $0x02441453
DATA steps<>+88(SB)/4, $0xd8a1e681
DATA steps<>+92(SB)/4, $0xe7d3fbc8
DATA steps<>+96(SB)/4, $0x21e1cde6
DATA steps<>+100(SB)/4, $0xc33707d6
DATA steps<>+104(SB)/4, $0xf4d50d87
DATA steps<>+108(SB)/4, $0x455a14ed
DATA steps<>+112(SB)/4, $0xa9e3e905
DATA steps<>+116(SB)/4, $0xfcefa3f8
DATA steps<>+120(SB)/4, $0x676f02d9
DATA steps<>+124(SB)/4, $0x8d2a4c8a
DATA steps<>+128(SB)/4, $0xfffa3942
DATA steps<>+132(SB)/4, $0x8771f681
DATA steps<>+136(SB)/4, $0x6d9d6122
DATA steps<>+140(SB)/4, $0xfde5380c
DATA steps<>+144(SB)/4, $0xa4beea44
DATA steps<>+148(SB)/4, $0x4bdecfa9
DATA steps<>+152(SB)/4, $0xf6bb4b60
DATA steps<>+156(SB)/4, $0xbebfbc70
DATA steps<>+160(SB)/4, $0x289b7ec6
DATA steps<>+164(SB)/4, $0xeaa127fa
DATA steps<>+168(SB)/4, $0xd4ef3085
DATA steps<>+172(SB)/4, $0x04881d05
DATA steps<>+176(SB)/4, $0xd9d4d039
DATA steps<>+180(SB)/4, $0xe6db99e5
DATA steps<>+184(SB)/4, $0x1fa27cf8
DATA steps<>+188(SB)/4, $0xc4ac5665
DATA steps<>+192(SB)/4, $0xf4292244
DATA steps<>+196(SB)/4, $0x432aff97
DATA steps<>+200(SB)/4, $0xab9423a7
DATA steps<>+204(SB)/4, $0xfc93a039
DATA steps<>+208(SB)/4, $0x655b59c3
DATA steps<>+212(SB)/4, $0x8f0ccc92
DATA steps<>+216(SB)/4, $0xffeff47d
DATA steps<>+220(SB)/4, $0x85845dd1
DATA steps<>+224(SB)/4, $0x6fa87e4f
DATA steps<>+228(SB)/4, $0xfe2ce6e0
DATA steps<>+232(SB)/4, $0xa3014314
DATA steps<>+236(SB)/4, $0x4e0811a1
DATA steps<>+240(SB)/4, $0xf7537e82
DATA steps<>+244(SB)/4, $0xbd3af235
DATA steps<>+248(SB)/4, $0x2ad7d2bb
DATA steps<>+252(SB)/4, $0xeb86d391
DATA steps<>+256(SB)/4, $0x67452301
DATA steps<>+260(SB)/4, $0xefcdab89
DATA steps<>+264(SB)/4, $0x98badcfe
DATA steps<>+268(SB)/4, $0x10325476
GLOBL steps<>(SB), RODATA|NOPTR, $272

// Each step begins by adding word i of the message and constant k.
#define LOAD(a, e, i, k) \
	VPBROADCASTD (4*k)(R8), Y12; \
	VPADDD (64*i)(SI), a, a; \
	VPADDD (64*i+32)(SI), e, e; \
	VPADDD Y12, a, a; \
	VPADDD Y12, e, e

// Each step ends with a = b + ((a + Y8) rotated left by s), and the same for the other eight lanes.
#define TURN(a, b, e, f, s) \
	VPADDD Y8, a, a; \
	VPADDD Y10, e, e; \
	VPSLLD $s, a, Y8; \
	VPSLLD $s, e, Y10; \
	VPSRLD $(32-s), a, a; \
	VPSRLD $(32-s), e, e; \
	VPOR Y8, a, a; \
	VPOR Y10, e, e; \
	VPADDD b, a, a; \
	VPADDD f, e, e

// First round: d ^ (b & (c ^ d)).
#define STEP1(a, b, c, d, e, f, g, h, i, k, s) \
	LOAD(a, e, i, k); \
	VPXOR c, d, Y8; \
	VPXOR g, h, Y10; \
	VPAND b, Y8, Y8; \
	VPAND f, Y10, Y10; \
	VPXOR d, Y8, Y8; \
	VPXOR h, Y10, Y10; \
	TURN(a, b, e, f, s)

// Second round: (b & d) + (c & ^d); the second part does not wait for b.
#define STEP2(a, b, c, d, e, f, g, h, i, k, s) \
	LOAD(a, e, i, k); \
	VPANDN c, d, Y9; \
	VPANDN g, h, Y11; \
	VPAND b, d, Y8; \
	VPAND f, h, Y10; \
	VPADDD Y9, a, a; \
	VPADDD Y11, e, e; \
	TURN(a, b, e, f, s)

// Third round: b ^ c ^ d.
#define STEP3(a, b, c, d, e, f, g, h, i, k, s) \
	LOAD(a, e, i, k); \
	VPXOR c, d, Y8; \
	VPXOR g, h, Y10; \
	VPXOR b, Y8, Y8; \
	VPXOR f, Y10, Y10; \
	TURN(a, b, e, f, s)

// Fourth round: c ^ (b | ^d).
#define STEP4(a, b, c, d, e, f, g, h, i, k, s) \
	LOAD(a, e, i, k); \
	VPXOR Y13, d, Y8; \
	VPXOR Y13, h, Y10; \
	VPOR b, Y8, Y8; \
	VPOR f, Y10, Y10; \
	VPXOR c, Y8, Y8; \
	VPXOR g, Y10, Y10; \
	TURN(a, b, e, f, s)

// func sum16(s *Sums, b *Blocks)
TEXT ·sum16(SB), NOSPLIT, $0-16
	MOVQ s+0(FP), DI
	MOVQ b+8(FP), SI
	LEAQ steps<>(SB), R8
	VPCMPEQD Y13, Y13, Y13
	VPBROADCASTD 256(R8), Y0
	VPBROADCASTD 260(R8), Y1
	VPBROADCASTD 264(R8), Y2
	VPBROADCASTD 268(R8), Y3
	VMOVDQA Y0, Y4
	VMOVDQA Y1, Y5
	VMOVDQA Y2, Y6
	VMOVDQA Y3, Y7

	STEP1(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, 0, 0, 7)
	STEP1(Y3, Y0, Y1, Y2, Y7, Y4, Y5, Y6, 1, 1, 12)
	STEP1(Y2, Y3, Y0, Y1, Y6, Y7, Y4, Y5, 2, 2, 17)
	STEP1(Y1, Y2, Y3, Y0, Y5, Y6, Y7, Y4, 3, 3, 22)
	STEP1(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, 4, 4, 7)
	STEP1(Y3, Y0, Y1, Y2, Y7, Y4, Y5, Y6, 5, 5, 12)
	STEP1(Y2, Y3, Y0, Y1, Y6, Y7, Y4, Y5, 6, 6, 17)
	STEP1(Y1, Y2, Y3, Y0, Y5, Y6, Y7, Y4, 7, 7, 22)
	STEP1(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, 8, 8, 7)
	STEP1(Y3, Y0, Y1, Y2, Y7, Y4, Y5, Y6, 9, 9, 12)
	STEP1(Y2, Y3, Y0, Y1, Y6, Y7, Y4, Y5, 10, 10, 17)
	STEP1(Y1, Y2, Y3, Y0, Y5, Y6, Y7, Y4, 11, 11, 22)
	STEP1(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, 12, 12, 7)
	STEP1(Y3, Y0, Y1, Y2, Y7, Y4, Y5, Y6, 13, 13, 12)
	STEP1(Y2, Y3, Y0, Y1, Y6, Y7, Y4, Y5, 14, 14, 17)
	STEP1(Y1, Y2, Y3, Y0, Y5, Y6, Y7, Y4, 15, 15, 22)

	STEP2(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, 1, 16, 5)
	STEP2(Y3, Y0, Y1, Y2, Y7, Y4, Y5, Y6, 6, 17, 9)
	STEP2(Y2, Y3, Y0, Y1, Y6, Y7, Y4, Y5, 11, 18, 14)
	STEP2(Y1, Y2, Y3, Y0, Y5, Y6, Y7, Y4, 0, 19, 20)
	STEP2(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, 5, 20, 5)
	STEP2(Y3, Y0, Y1, Y2, Y7, Y4, Y5, Y6, 10, 21, 9)
	STEP2(Y2, Y3, Y0, Y1, Y6, Y7, Y4, Y5, 15, 22, 14)
	STEP2(Y1, Y2, Y3, Y0, Y5, Y6, Y7, Y4, 4, 23, 20)
	STEP2(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, 9, 24, 5)
	STEP2(Y3, Y0, Y1, Y2, Y7, Y4, Y5, Y6, 14, 25, 9)
	STEP2(Y2, Y3, Y0, Y1, Y6, Y7, Y4, Y5, 3, 26, 14)
	STEP2(Y1, Y2, Y3, Y0, Y5, Y6, Y7, Y4, 8, 27, 20)
	STEP2(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, 13, 28, 5)
	STEP2(Y3, Y0, Y1, Y2, Y7, Y4, Y5, Y6, 2, 29, 9)
	STEP2(Y2, Y3, Y0, Y1, Y6, Y7, Y4, Y5, 7, 30, 14)
	STEP2(Y1, Y2, Y3, Y0, Y5, Y6, Y7, Y4, 12, 31, 20)

	STEP3(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, 5, 32, 4)
	STEP3(Y3, Y0, Y1, Y2, Y7, Y4, Y5, Y6, 8, 33, 11)
	STEP3(Y2, Y3, Y0, Y1, Y6, Y7, Y4, Y5, 11, 34, 16)
	STEP3(Y1, Y2, Y3, Y0, Y5, Y6, Y7, Y4, 14, 35, 23)
	STEP3(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, 1, 36, 4)
	STEP3(Y3, Y0, Y1, Y2, Y7, Y4, Y5, Y6, 4, 37, 11)
	STEP3(Y2, Y3, Y0, Y1, Y6, Y7, Y4, Y5, 7, 38, 16)
	STEP3(Y1, Y2, Y3, Y0, Y5, Y6, Y7, Y4, 10, 39, 23)
	STEP3(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, 13, 40, 4)
	STEP3(Y3, Y0, Y1, Y2, Y7, Y4, Y5, Y6, 0, 41, 11)
	STEP3(Y2, Y3, Y0, Y1, Y6, Y7, Y4, Y5, 3, 42, 16)
	STEP3(Y1, Y2, Y3, Y0, Y5, Y6, Y7, Y4, 6, 43, 23)
	STEP3(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, 9, 44, 4)
	STEP3(Y3, Y0, Y1, Y2, Y7, Y4, Y5, Y6, 12, 45, 11)
	STEP3(Y2, Y3, Y0, Y1, Y6, Y7, Y4, Y5, 15, 46, 16)
	STEP3(Y1, Y2, Y3, Y0, Y5, Y6, Y7, Y4, 2, 47, 23)

	STEP4(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, 0, 48, 6)
	STEP4(Y3, Y0, Y1, Y2, Y7, Y4, Y5, Y6, 7, 49, 10)
	STEP4(Y2, Y3, Y0, Y1, Y6, Y7, Y4, Y5, 14, 50, 15)
	STEP4(Y1, Y2, Y3, Y0, Y5, Y6, Y7, Y4, 5, 51, 21)
	STEP4(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, 12, 52, 6)
	STEP4(Y3, Y0, Y1, Y2, Y7, Y4, Y5, Y6, 3, 53, 10)
	STEP4(Y2, Y3, Y0, Y1, Y6, Y7, Y4, Y5, 10, 54, 15)
	STEP4(Y1, Y2, Y3, Y0, Y5, Y6, Y7, Y4, 1, 55, 21)
	STEP4(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, 8, 56, 6)
	STEP4(Y3, Y0, Y1, Y2, Y7, Y4, Y5, Y6, 15, 57, 10)
	STEP4(Y2, Y3, Y0, Y1, Y6, Y7, Y4, Y5, 6, 58, 15)
	STEP4(Y1, Y2, Y3, Y0, Y5, Y6, Y7, Y4, 13, 59, 21)
	STEP4(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, 4, 60, 6)
	STEP4(Y3, Y0, Y1, Y2, Y7, Y4, Y5, Y6, 11, 61, 10)
	STEP4(Y2, Y3, Y0, Y1, Y6, Y7, Y4, Y5, 2, 62, 15)
	STEP4(Y1, Y2, Y3, Y0, Y5, Y6, Y7, Y4, 9, 63, 21)

	VPBROADCASTD 256(R8), Y12
	VPADDD Y12, Y0, Y0
	VPADDD Y12, Y4, Y4
	VMOVDQU Y0, 0(DI)
	VMOVDQU Y4, 32(DI)
	VPBROADCASTD 260(R8), Y12
	VPADDD Y12, Y1, Y1
	VPADDD Y12, Y5, Y5
	VMOVDQU Y1, 64(DI)
	VMOVDQU Y5, 96(DI)
	VPBROADCASTD 264(R8), Y12
	VPADDD Y12, Y2, Y2
	VPADDD Y12, Y6, Y6
	VMOVDQU Y2, 128(DI)
	VMOVDQU Y6, 160(DI)
	VPBROADCASTD 268(R8), Y12
	VPADDD Y12, Y3, Y3
	VPADDD Y12, Y7, Y7
	VMOVDQU Y3, 192(DI)
	VMOVDQU Y7, 224(DI)
	VZEROUPPER
	RET
