package xor;

import dev.gamelan.data.*;
import dev.gamelan.nn.*;
import dev.gamelan.optim.Adam;
import dev.gamelan.tensor.*;
import dev.gamelan.train.Trainer;
import dev.gamelan.type.Shape;

public class Xor {
  public static void main(String[] args) {
    var inputs = new float[] {0, 0, 0, 1, 1, 0, 1, 1};
    var data = ArrayDataset.of(inputs, Shape.of(2), new int[] {0, 1, 1, 0});
    var model = new Sequential(new Linear(2, 8), UnaryLayer.of(Tensor::tanh), new Linear(8, 2));
    model.initialize(RandomKey.of(1));
    var trainer =
        new Trainer(
            model,
            new Adam(model.parameters(), 0.05),
            batch -> model.forward(batch.input()).crossEntropy(batch.target()),
            1);
    trainer.train(DataLoader.of(data, 4), 300);
    System.out.println(model.forward(Tensor.of(inputs, 4, 2)).argMax(1));
  }
}
