// `wasi:filesystem` and `wasi:sockets`, which toolchains import whether a guest uses them or not: there are no
// directories, and no sockets.

import { WitError } from "./http.js";

class Nothing {}
const denied = () => {
  throw new WitError("access-denied");
};

export const filesystem = {
  preopens: () => ({ getDirectories: () => [] }),
  types: () => ({ Descriptor: Nothing, DirectoryEntryStream: Nothing, filesystemErrorCode: () => undefined }),
};

export const sockets = {
  "instance-network": () => ({ instanceNetwork: () => new Nothing() }),
  network: () => ({ Network: Nothing }),
  "ip-name-lookup": () => ({ resolveAddresses: denied, ResolveAddressStream: Nothing }),
  tcp: () => ({ TcpSocket: Nothing }),
  "tcp-create-socket": () => ({ createTcpSocket: denied }),
  udp: () => ({ UdpSocket: Nothing, IncomingDatagramStream: Nothing, OutgoingDatagramStream: Nothing }),
  "udp-create-socket": () => ({ createUdpSocket: denied }),
  types: () => ({ TcpSocket: Nothing, UdpSocket: Nothing }),
};
