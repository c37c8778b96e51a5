// From letters to sounds, 64 words at a time: a recurrent encoder with Bahdanau's decoder and with Luong's, forward and in training.

import { arange, cat, compile, crossEntropy, manualSeed, randint, stack, type Tensor } from "heed";
import { AdditiveAttention, Embedding, GRU, GRUCell, Linear, LuongAttention, Module } from "heed/nn";
import { Adam } from "heed/train";
import type { Seed } from "../lib/seed.js";

const [B, S, T, E, C] = [64, 9, 10, 64, 128];
const [LETTERS, PHONEMES] = [27, 42];

class Encoder extends Module {
  embedding = new Embedding(LETTERS, E);
  gru = new GRU(E, C / 2, { batchFirst: true, bidirectional: true });
  bridge = new Linear(C, C);
  forward(source: Tensor, lengths: Tensor): [memory: Tensor, state: Tensor] {
    const [memory, last] = this.gru.forward(this.embedding.forward(source), null, { lengths }); // [B,S,C], [2,B,C/2]
    return [memory, this.bridge.forward(cat([last.at(0), last.at(1)], 1)).tanh()]; // [B,S,C], [B,C]
  }
}

type Decoder = Module & { forward(target: Tensor, state: Tensor, memory: Tensor, lengths: Tensor): Tensor };

class Bahdanau extends Module {
  embedding = new Embedding(PHONEMES, E);
  attention = new AdditiveAttention(C, C, C);
  cell = new GRUCell(E + C, C);
  combine = new Linear(E + 2 * C, C);
  output = new Linear(C, PHONEMES);
  forward(target: Tensor, state: Tensor, memory: Tensor, lengths: Tensor): Tensor {
    const call = { mask: { kind: "lengths", lengths }, projected: this.attention.project(memory) } as const; // [B,S,C]
    const hidden: Tensor[] = [];
    for (const embedded of this.embedding.forward(target).unbind(1)) {
      const [mixed] = this.attention.forward(state.unsqueeze(1), memory, memory, call); // [B,1,C]
      const input = cat([embedded, mixed.squeeze(1)], 1); // [B,E+C]
      state = this.cell.forward(input, state); // [B,C]
      hidden.push(cat([state, input], 1));
    }
    return this.output.forward(this.combine.forward(stack(hidden, 1)).tanh()); // [B,T,V]
  }
}

class Luong extends Module {
  embedding = new Embedding(PHONEMES, E);
  gru = new GRU(E, C, { batchFirst: true });
  attention = new LuongAttention("general", C);
  combine = new Linear(2 * C, C);
  output = new Linear(C, PHONEMES);
  forward(target: Tensor, state: Tensor, memory: Tensor, lengths: Tensor): Tensor {
    const mask = { kind: "lengths", lengths } as const;
    const [states] = this.gru.forward(this.embedding.forward(target), state.unsqueeze(0)); // [B,T,C]
    const [mixed] = this.attention.forward(states, memory, memory, { mask }); // [B,T,C]
    return this.output.forward(this.combine.forward(cat([mixed, states], -1)).tanh()); // [B,T,V]
  }
}

function draw(make: new () => Decoder) {
  manualSeed(1);
  const [encoder, decoder] = [new Encoder(), new make()];
  const lengths = randint(3, S + 1, [B]).evaluate();
  const source = randint(1, LETTERS, [B, S])
    .mul(arange(S).lt(lengths.unsqueeze(1)))
    .evaluate();
  const target = randint(1, PHONEMES, [B, T + 1])
    .mul(arange(T + 1).lt(lengths.add(2).unsqueeze(1)))
    .evaluate();
  const logits = (source: Tensor, lengths: Tensor, target: Tensor) => {
    const [memory, state] = encoder.forward(source, lengths);
    return decoder.forward(target.at(":", ":-1"), state, memory, lengths);
  };
  return { parameters: [...encoder.parameters(), ...decoder.parameters()], inputs: [source, lengths, target], logits };
}

const forward = (work: string, make: new () => Decoder): Seed => ({
  work,
  least: 2,
  make() {
    const { inputs, logits } = draw(make);
    const call = compile(logits);
    return () => call(inputs[0], inputs[1], inputs[2]);
  },
});

const training = (work: string, make: new () => Decoder): Seed => ({
  work: `${work}, a training step`,
  least: 2,
  make() {
    const { parameters, inputs, logits } = draw(make);
    const optimizer = new Adam(parameters, { learningRate: 1e-3 });
    const step = compile((source: Tensor, lengths: Tensor, target: Tensor) => {
      const loss = crossEntropy(logits(source, lengths, target), target.at(":", "1:"), { ignoreIndex: 0 });
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    return () => step(inputs[0], inputs[1], inputs[2]);
  },
});

const [bahdanau, luong] = ["GRU and Bahdanau, 64 words", "GRU and Luong, 64 words"];
export const forwardBahdanau = forward(bahdanau, Bahdanau);
export const forwardLuong = forward(luong, Luong);
export const trainingBahdanau = training(bahdanau, Bahdanau);
export const trainingLuong = training(luong, Luong);
