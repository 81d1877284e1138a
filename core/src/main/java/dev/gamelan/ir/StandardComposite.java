package dev.gamelan.ir;

/**
 * The composites that every engine meets: conformance has a row for each. A file holds a family;
 * f16 and bf16 operands are computed in f32 and rounded once.
 */
public sealed interface StandardComposite extends Composite
    permits Activation, SoftmaxOp, Normalization, Attention, RandomOp, Recurrent, TensorOp {}
