//go:build amd64

#include "textflag.h"

// func mark(masks *uint64, text *byte, n int, separator byte) (odd bool)
//
// Y8 to Y11 hold the separator, the line feed, the quote and the zero byte 32 times each; Y12 gathers what is odd, in
// the highest bit of each byte, where a byte that is not ASCII has one of its own.
TEXT ·mark(SB), NOSPLIT, $0-33
	MOVQ masks+0(FP), DI
	MOVQ text+8(FP), SI
	MOVQ n+16(FP), CX
	MOVBLZX separator+24(FP), AX
	MOVQ AX, X8
	VPBROADCASTB X8, Y8
	MOVL $10, AX
	MOVQ AX, X9
	VPBROADCASTB X9, Y9
	MOVL $34, AX
	MOVQ AX, X10
	VPBROADCASTB X10, Y10
	VPXOR Y11, Y11, Y11
	VPXOR Y12, Y12, Y12
	TESTQ CX, CX
	JLE done

loop:
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	VPCMPEQB Y0, Y8, Y2
	VPCMPEQB Y1, Y8, Y3
	VPCMPEQB Y0, Y9, Y4
	VPCMPEQB Y1, Y9, Y5
	VPOR Y2, Y4, Y2
	VPOR Y3, Y5, Y3
	VPMOVMSKB Y2, AX
	VPMOVMSKB Y3, BX
	SHLQ $32, BX
	ORQ AX, BX
	MOVQ BX, (DI)
	VPCMPEQB Y0, Y10, Y2
	VPCMPEQB Y1, Y10, Y3
	VPCMPEQB Y0, Y11, Y4
	VPCMPEQB Y1, Y11, Y5
	VPOR Y0, Y1, Y0
	VPOR Y2, Y3, Y2
	VPOR Y4, Y5, Y4
	VPOR Y0, Y12, Y12
	VPOR Y2, Y4, Y2
	VPOR Y2, Y12, Y12
	ADDQ $64, SI
	ADDQ $8, DI
	DECQ CX
	JNZ loop

done:
	VPMOVMSKB Y12, AX
	VZEROUPPER
	TESTL AX, AX
	SETNE odd+32(FP)
	RET
