import { connect, type Socket } from 'node:net';
import type { ISocketFactory } from 'kafkajs';

/** Sockets for kafkajs that break, while `cut` is on, as soon as a broker answers: what was asked has been done, and nobody learns of it. */
export const createCutConnection = () => {
  let cut = false;
  let answersLost = 0;
  const socketFactory: ISocketFactory = ({ host, port, onConnect }): Socket => {
    const socket = connect({ host, port }, onConnect);
    const emit = socket.emit.bind(socket);
    socket.emit = (event: string | symbol, ...args: unknown[]): boolean => {
      if (event !== 'data' || !cut) return emit(event, ...args);
      answersLost += 1;
      socket.destroy(new Error('cut'));
      return true;
    };
    return socket;
  };
  return {
    socketFactory,
    answersLost: () => answersLost,
    set: (on: boolean) => {
      cut = on;
    },
  };
};
