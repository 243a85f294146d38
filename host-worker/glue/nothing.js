// `wasi:filesystem` and `wasi:sockets`, which toolchains import whether a guest uses them or not: there are no
// directories, and no sockets. And interfaces that have types and nothing else.

import { WitError } from "./http.js";

class Nothing {}
const denied = () => {
  throw new WitError("access-denied");
};

export const typesAlone = () => ({});

export const preopens = () => ({ getDirectories: () => [] });
export const filesystemTypes = () => ({ Descriptor: Nothing, DirectoryEntryStream: Nothing, filesystemErrorCode: () => undefined });

export const instanceNetwork = () => ({ instanceNetwork: () => new Nothing() });
export const network = () => ({ Network: Nothing });
export const nameLookup = () => ({ resolveAddresses: denied, ResolveAddressStream: Nothing });
export const tcp = () => ({ TcpSocket: Nothing });
export const createTcp = () => ({ createTcpSocket: denied });
export const udp = () => ({ UdpSocket: Nothing, IncomingDatagramStream: Nothing, OutgoingDatagramStream: Nothing });
export const createUdp = () => ({ createUdpSocket: denied });
export const socketTypes = () => ({ TcpSocket: Nothing, UdpSocket: Nothing });
