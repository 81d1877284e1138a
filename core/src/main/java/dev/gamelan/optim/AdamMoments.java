package dev.gamelan.optim;

import dev.gamelan.ir.TensorOp;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import java.util.List;

/** The moments of Adam and AdamW, which differ in where the weight decay goes. */
record AdamMoments(List<Parameter> first, List<Parameter> second) {
  void update(
      TensorOp.AdamwStep op,
      int index,
      Parameter parameter,
      Tensor direction,
      Tensor learningRate,
      Tensor step) {
    var m = first.get(index);
    var v = second.get(index);
    var operands = List.of(parameter.value(), direction, m.value(), v.value(), learningRate, step);
    var results = Tensor.applyAll(op, operands);
    parameter.assign(results.getFirst());
    m.assign(results.get(1));
    v.assign(results.get(2));
  }
}
